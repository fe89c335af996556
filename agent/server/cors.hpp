// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/server/allowed_origins.hpp"
#include "agent/server/http_routes.hpp"
#include "agent/server/request.hpp"

/// Answers to pages of other origins (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).
namespace rollo::server {

/// A browser asks what a page of another origin may do here.
bool isPreflight(const Request& request);
/// The answer, without what allowOrigin() adds.
Reply preflightReply();

/// Lets the page at `origin` read the reply, where it is of another origin that is allowed.
void allowOrigin(Reply& reply, AllowedOrigins::Kind kind, const std::string& origin);

}  // namespace rollo::server
