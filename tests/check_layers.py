#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the sources include only what their layer may include, and nothing in a circle.

    check_layers.py [ROOT]       prints `file:line: what` for each breach and exits with 1
    check_layers.py --self-test  proves on small trees that each rule can fail
"""

import re
import sys
import tempfile
from pathlib import Path

# What each folder may include of the project; a file without its suffix stands for itself.
LAYERS = {
    "common": ["common"],
    "proto": ["proto", "common"],
    "agent/core": ["agent/core", "proto", "common"],
    "agent/auth": ["agent/auth", "agent/core/principal", "proto/ids", "common"],
    "agent/virt": ["agent/virt", "agent/core/hypervisor", "agent/core/observation",
                   "agent/core/console_observation", "agent/core/alert_rule", "proto", "common"],
    "agent/store": ["agent/store", "agent/core", "proto", "common"],
    "agent/server": ["agent/server", "agent/core", "agent/auth", "proto", "common"],
    "agent": ["agent", "proto", "common"],
}

# Who alone may include a library's headers: folders (not those below them) or files.
LIBRARIES = {
    "rapidjson/": ["common/json_reader.cpp", "common/json_writer.cpp"],
    "jwt.h": ["agent/auth"],
    "openssl/": ["agent/auth", "agent/server/certificate.cpp",
                 "agent/server/client_authorities.cpp", "agent/server/tls.cpp"],
    "libvirt/": ["agent/virt"],
    "libxml/": ["agent/virt"],
    "libwebsockets.h": ["agent/server"],
    "uv.h": ["agent/server"],
    "CLI/": ["agent/command_line.cpp"],
    "toml++/": ["agent"],
    "systemd/": ["agent"],
    "fmt/": list(LAYERS),  # the log's header has it anyway
}

# The core is pure: no threads, no clocks of its own, no operating system.
PURE = ["agent/core", "proto"]
IMPURE = {"thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "latch",
          "barrier", "stop_token", "fstream", "iostream", "filesystem", "cstdio", "csignal"}

STANDARD = set("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono
cinttypes climits clocale cmath compare complex concepts condition_variable coroutine csetjmp
csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception
execution expected filesystem format forward_list fstream functional future initializer_list
iomanip ios iosfwd iostream istream iterator latch limits list locale map memory memory_resource
mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator
semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string
string_view syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map
unordered_set utility valarray variant vector version
""".split())
SYSTEM = re.compile(r"(sys|net|netinet|arpa|linux)/[a-z_0-9]+\.h$|"
                    r"(dirent|dlfcn|errno|fcntl|grp|ifaddrs|netdb|poll|pthread|pwd|sched|signal|"
                    r"stdlib|syslog|termios|time|unistd)\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')


def sources(root):
    for top in ("common", "proto", "agent"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".cpp", ".hpp", ".h", ".c", ".cc", ".inc"):
                yield path.relative_to(root).as_posix()


def includes(root, file):
    """The (line, header, quoted) of each include."""
    text = (root / file).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1] or found[2], found[2] is not None


def layer_of(file):
    """The deepest folder of the table that holds the file."""
    folder = file.rpartition("/")[0]
    while folder and folder not in LAYERS:
        folder = folder.rpartition("/")[0]
    return folder


def within(file, place):
    return file == place or file.startswith(place + "/") or file.rpartition(".")[0] == place


def check_own(root, file, header):
    if not (root / header).is_file():
        return f'"{header}" is no file of the project (paths begin at its root)'
    layer = layer_of(file)
    if not any(within(header, place) for place in LAYERS[layer]):
        return f"{layer} must not include {header}"
    return None


def check_library(file, header):
    for library, places in LIBRARIES.items():
        if header == library or (library.endswith("/") and header.startswith(library)):
            if file in places or layer_of(file) in places:
                return None
            return f"<{header}> belongs to {', '.join(places)}"
    return f"<{header}> is not known here"


def check_foreign(file, header):
    pure = layer_of(file) in PURE
    if header in STANDARD:
        return f"<{header}> has no place in {layer_of(file)}" if pure and header in IMPURE else None
    if SYSTEM.match(header):
        return f"<{header}> has no place in {layer_of(file)}" if pure else None
    return check_library(file, header)


def check_files(root):
    for file in sources(root):
        for line, header, quoted in includes(root, file):
            wrong = check_own(root, file, header) if quoted else check_foreign(file, header)
            if wrong:
                yield f"{file}:{line}: {wrong}"


def check_cycles(root):
    """Depth first; a header that is reached while it is open closes a circle."""
    state = {}

    def visit(file, trail):
        state[file] = "open"
        for line, header, quoted in includes(root, file):
            if not quoted or not (root / header).is_file():
                continue
            if state.get(header) == "open":
                circle = trail[trail.index(header):] + [header]
                yield f"{file}:{line}: circle: {' -> '.join(circle)}"
            elif header not in state:
                yield from visit(header, trail + [header])
        state[file] = "done"

    for file in sources(root):
        if file not in state:
            yield from visit(file, [file])


def check_folder_cycles(root):
    """Layers that include each other, which the table itself could come to allow."""
    uses = {}
    for file in sources(root):
        for line, header, quoted in includes(root, file):
            here, there = layer_of(file), layer_of(header)
            if quoted and there and here != there:
                uses.setdefault((here, there), f"{file}:{line}")
    for (here, there), where in uses.items():
        if here < there and (there, here) in uses:
            yield f"{where}: circle: {here} and {there} include each other, as in " \
                  f"{uses[there, here]}"


def check(root):
    return [*check_files(root), *check_cycles(root), *check_folder_cycles(root)]


# Each: a name, the files of a tree, and what has to be found in it (nothing: the tree is good).
CASES = [
    ("a good tree", {"common/a.hpp": "#include <string>\n#include <fmt/format.h>\n",
                     "proto/b.hpp": '#include "common/a.hpp"\n',
                     "agent/core/hypervisor.hpp": '#include "proto/b.hpp"\n',
                     "agent/virt/c.cpp": '#include <libvirt/libvirt.h>\n'
                                         '#include "agent/core/hypervisor.hpp"\n',
                     "agent/command_line.cpp": '#include <CLI/CLI.hpp>\n'
                                              '#include "agent/virt/c.cpp"\n'}, None),
    ("common knows nobody", {"common/a.hpp": '#include "proto/b.hpp"\n', "proto/b.hpp": ""},
     "common/a.hpp:1: common must not include proto/b.hpp"),
    ("proto knows no core", {"proto/a.hpp": '\n#include "agent/core/b.hpp"\n',
                             "agent/core/b.hpp": ""},
     "proto/a.hpp:2: proto must not include agent/core/b.hpp"),
    ("core knows no server", {"agent/core/a.hpp": '#include "agent/server/b.hpp"\n',
                              "agent/server/b.hpp": ""},
     "agent/core/a.hpp:1: agent/core must not include agent/server/b.hpp"),
    ("core knows no root", {"agent/core/a.hpp": '#include "agent/config.hpp"\n',
                            "agent/config.hpp": ""},
     "agent/core/a.hpp:1: agent/core must not include agent/config.hpp"),
    ("auth knows only the principal", {"agent/auth/a.hpp": '#include "agent/core/hub.hpp"\n',
                                       "agent/core/hub.hpp": ""},
     "agent/auth/a.hpp:1: agent/auth must not include agent/core/hub.hpp"),
    ("virt knows only the ports", {"agent/virt/a.hpp": '#include "agent/core/host.hpp"\n',
                                   "agent/core/host.hpp": ""},
     "agent/virt/a.hpp:1: agent/virt must not include agent/core/host.hpp"),
    ("virt and server do not meet", {"agent/server/a.hpp": '#include "agent/virt/b.hpp"\n',
                                     "agent/virt/b.hpp": ""},
     "agent/server/a.hpp:1: agent/server must not include agent/virt/b.hpp"),
    ("store knows no server", {"agent/store/a.hpp": '#include "agent/server/b.hpp"\n',
                               "agent/server/b.hpp": ""},
     "agent/store/a.hpp:1: agent/store must not include agent/server/b.hpp"),
    ("RapidJSON in two files", {"common/a.cpp": "#include <rapidjson/reader.h>\n"},
     "common/a.cpp:1: <rapidjson/reader.h> belongs to common/json_reader.cpp, "
     "common/json_writer.cpp"),
    ("libvirt in virt", {"agent/core/a.cpp": "#include <libvirt/libvirt.h>\n"},
     "agent/core/a.cpp:1: <libvirt/libvirt.h> belongs to agent/virt"),
    ("libxml in virt", {"agent/a.cpp": "#include <libxml/parser.h>\n"},
     "agent/a.cpp:1: <libxml/parser.h> belongs to agent/virt"),
    ("libjwt in auth", {"agent/server/a.cpp": "#  include <jwt.h>\n"},
     "agent/server/a.cpp:1: <jwt.h> belongs to agent/auth"),
    ("OpenSSL in auth and TLS", {"agent/a.cpp": "#include <openssl/evp.h>\n"},
     "agent/a.cpp:1: <openssl/evp.h> belongs to agent/auth, agent/server/certificate.cpp, "
     "agent/server/tls.cpp"),
    ("libwebsockets in server", {"agent/a.cpp": "#include <libwebsockets.h>\n"},
     "agent/a.cpp:1: <libwebsockets.h> belongs to agent/server"),
    ("libuv in server", {"agent/virt/a.cpp": "#include <uv.h>\n"},
     "agent/virt/a.cpp:1: <uv.h> belongs to agent/server"),
    ("CLI11 in one file", {"agent/a.cpp": "#include <CLI/CLI.hpp>\n"},
     "agent/a.cpp:1: <CLI/CLI.hpp> belongs to agent/command_line.cpp"),
    ("toml++ at the root, not below it", {"agent/core/a.cpp": "#include <toml++/toml.h>\n"},
     "agent/core/a.cpp:1: <toml++/toml.h> belongs to agent"),
    ("libsystemd at the root", {"common/a.cpp": "#include <systemd/sd-daemon.h>\n"},
     "common/a.cpp:1: <systemd/sd-daemon.h> belongs to agent"),
    ("libraries nobody chose", {"agent/a.cpp": "#include <nlohmann/json.hpp>\n"},
     "agent/a.cpp:1: <nlohmann/json.hpp> is not known here"),
    ("no threads in the core", {"agent/core/a.cpp": "#include <mutex>\n"},
     "agent/core/a.cpp:1: <mutex> has no place in agent/core"),
    ("no system in the core", {"proto/a.cpp": "#include <sys/socket.h>\n"},
     "proto/a.cpp:1: <sys/socket.h> has no place in proto"),
    ("paths begin at the root", {"common/a.cpp": '#include "b.hpp"\n', "common/b.hpp": ""},
     'common/a.cpp:1: "b.hpp" is no file of the project (paths begin at its root)'),
    ("headers in a circle", {"common/a.hpp": '#include "common/b.hpp"\n',
                             "common/b.hpp": '#include "common/c.hpp"\n',
                             "common/c.hpp": '#include "common/a.hpp"\n'},
     "common/c.hpp:1: circle: common/a.hpp -> common/b.hpp -> common/c.hpp -> common/a.hpp"),
    ("folders in a circle", {"agent/core/principal.hpp": '#include "agent/auth/a.hpp"\n',
                             "agent/auth/a.hpp": "",
                             "agent/auth/b.hpp": '#include "agent/core/principal.hpp"\n'},
     "agent/auth/b.hpp:1: circle: agent/auth and agent/core include each other, as in "
     "agent/core/principal.hpp:1"),
]


def self_test():
    failed = 0
    for name, files, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for file, text in files.items():
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                (root / file).write_text(text, encoding="utf-8")
            found = check(root)
        good = expected in found if expected else not found
        if not good:
            failed += 1
            print(f"{name}: expected {expected}, found {found}")
    print(f"{len(CASES) - failed} of {len(CASES)} cases good")
    return failed


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    files = list(sources(root))
    if not files:
        print(f"{root}: no sources found")
        return 1
    breaches = check(root)
    for breach in breaches:
        print(breach)
    print(f"{len(files)} files, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
