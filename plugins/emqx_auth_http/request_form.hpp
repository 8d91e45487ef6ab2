// One of the three requests as the settings describe it, and what its answer means. Pure; any
// thread.
#pragma once

#include "emqx_auth_http/params.hpp"
#include "http_client/message.hpp"

namespace auth_http {

struct RequestForm {
  keel::http::Url url;
  std::string method = "POST";  // GET: the parameters go into the query
  bool json = false;            // of a body: JSON instead of a form
  Params params;
  keel::http::Headers headers = {};

  // Fails when the facts do not fit into a request: too long, or no UTF-8 for JSON.
  keel::Result<keel::http::Request> fill(const Facts& facts) const;
  // For people: "POST http://127.0.0.1:8080/mqtt/auth", without a query, which may hold secrets.
  std::string text() const;
};

enum class Answer { allow, deny, ignore, failure };

struct Judgement {
  Answer answer = Answer::failure;
  std::uint8_t reason = 0;  // of a denial: what an MQTT 5 client is told
};

constexpr std::uint8_t kBadUserNameOrPassword = 0x86, kNotAuthorized = 0x87,
                       kServerUnavailable = 0x88;

// 200: yes, or, with the body "ignore", no opinion. 4xx: no. Everything else is a server that does
// not work.
Judgement judge(const keel::http::Response& response);

}  // namespace auth_http
