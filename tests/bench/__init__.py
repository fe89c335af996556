# SPDX-License-Identifier: Apache-2.0
"""What fan-out costs beside the least that it can cost."""
