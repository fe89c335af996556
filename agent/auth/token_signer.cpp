// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/token_signer.hpp"

#include <charconv>
#include <cstdlib>
#include <stdexcept>

#include "agent/auth/jwt_handle.hpp"
#include "common/json_writer.hpp"

namespace rollo::auth {

namespace {

using CString = common::UniqueHandle<char, std::free>;

std::int64_t numericDate(common::WallClock time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

void writeVm(common::JsonWriter& json, const std::string& vm) {
    std::int64_t id = 0;
    const char* const end = vm.data() + vm.size();
    if (std::from_chars(vm.data(), end, id) == std::from_chars_result{end, std::errc()})
        json.value(id);
    else
        json.value(vm);
}

std::string claimsText(const TokenRequest& request, common::WallClock now) {
    common::JsonWriter json;
    json.beginObject();
    json.member("sub", request.subject);
    json.member("iat", numericDate(now));
    json.member("exp", numericDate(now + request.lifetime));
    if (request.issuer) json.member("iss", *request.issuer);
    if (request.audience) json.member("aud", *request.audience);
    if (request.id) json.member("jti", *request.id);
    if (request.roles.size() == 1) json.member("role", request.roles.front());
    if (request.roles.size() > 1) json.member("roles", request.roles);
    if (request.permissions) json.member("permissions", *request.permissions);
    if (request.vms) {
        json.key("vms");
        json.beginArray();
        for (const std::string& vm : *request.vms) writeVm(json, vm);
        json.endArray();
    }
    json.endObject();
    return std::string(json.text());
}

void require(bool done) {
    if (!done) throw std::runtime_error("libjwt cannot sign this token");
}

}  // namespace

std::string signToken(const TokenRequest& request, const Key& key, common::WallClock now) {
    jwt_t* made = nullptr;
    require(jwt_new(&made) == 0);
    const JwtHandle jwt(made);
    require(jwt_add_grants_json(jwt.get(), claimsText(request, now).c_str()) == 0);
    if (key.kid) require(jwt_add_header(jwt.get(), "kid", key.kid->c_str()) == 0);
    require(jwt_set_alg(jwt.get(), jwtAlgorithm(key.algorithm), keyBytes(key), keySize(key)) == 0);
    const CString text(jwt_encode_str(jwt.get()));
    require(text != nullptr);
    return text.get();
}

}  // namespace rollo::auth
