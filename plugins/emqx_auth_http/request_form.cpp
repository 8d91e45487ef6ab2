#include "emqx_auth_http/request_form.hpp"

#include "keel/text.hpp"

namespace auth_http {
namespace {

// Longer ones are refused by most web servers, and would cost memory while they wait.
constexpr std::size_t kLongest = 16 * 1024;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

keel::Result<keel::http::Request> RequestForm::fill(const Facts& facts) const {
  keel::http::Request out;
  out.method = method;
  out.target = url.path;
  out.headers = headers;
  if (method == "GET") {
    out.target += url.path.find('?') == std::string::npos ? '?' : '&';
    out.target += params.form(facts);
  } else if (json) {
    auto body = params.json(facts);
    if (!body) return keel::Status::error("something in it is no UTF-8");
    out.body = std::move(*body);
    out.content_type = "application/json";
  } else {
    out.body = params.form(facts);
    out.content_type = "application/x-www-form-urlencoded";
  }
  if (out.target.size() + out.body.size() > kLongest) {
    return keel::Status::error("it would be longer than 16 KiB");
  }
  return out;
}

std::string RequestForm::text() const {
  return keel::concat(method, ' ', url.server(), url.path.substr(0, url.path.find('?')));
}

Judgement judge(const keel::http::Response& response) {
  const int status = response.status;
  if (status == 200) {
    return {trimmed(response.body) == "ignore" ? Answer::ignore : Answer::allow, 0};
  }
  if (status < 400 || status > 499) return {Answer::failure, kServerUnavailable};
  return {Answer::deny, status == 403 ? kNotAuthorized : kBadUserNameOrPassword};
}

}  // namespace auth_http
