#include "emqx_lwm2m/gateway/stranger.hpp"

#include <array>
#include <vector>

#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/device/registration.hpp"
#include "emqx_lwm2m/format/content.hpp"

namespace lwm2m {
namespace {

// More segments, or parameters, than any request for us has.
constexpr std::size_t kMostSegments = 8, kMostQueries = 64;

bool is_known(std::uint16_t number) {
  using namespace coap::option;
  switch (number) {
    case kUriHost:
    case kUriPort:
    case kAccept:
    case kBlock2:
    case kBlock1:
      return true;
    default:
      return false;
  }
}

// The path, and what is wrong with the options. An Update must not cost an allocation.
struct Options {
  std::array<std::string_view, kMostSegments> segments;
  std::size_t depth = 0;
  coap::Code problem = coap::kEmpty;

  std::span<const std::string_view> path() const { return {segments.data(), depth}; }
};

Options read_options(const coap::Message& request) {
  Options out;
  std::size_t queries = 0;
  coap::OptionReader options(request.options);
  for (coap::Option option; out.problem == coap::kEmpty && options.next(option);) {
    switch (option.number) {
      case coap::option::kUriPath:
        if (out.depth == kMostSegments) {
          out.problem = coap::kNotFound;
        } else {
          out.segments[out.depth++] = option.value;
        }
        break;
      case coap::option::kUriQuery:
        if (++queries > kMostQueries) out.problem = coap::kBadRequest;
        break;
      case coap::option::kProxyUri:
      case coap::option::kProxyScheme:
        out.problem = coap::kNoProxy;
        break;
      default:
        if ((option.number & 1) != 0 && !is_known(option.number)) out.problem = coap::kBadOption;
    }
  }
  return out;
}

std::string_view endpoint_in(const coap::Message& request) {
  std::vector<std::string_view> queries;
  coap::OptionReader options(request.options);
  for (coap::Option option; options.next(option);) {
    if (option.number == coap::option::kUriQuery) queries.push_back(option.value);
  }
  return endpoint_of(queries);
}

}  // namespace

bool may_concern_registration(std::string_view datagram) {
  const auto code = datagram.size() < 4 ? coap::kEmpty : static_cast<coap::Code>(datagram[1]);
  return code == coap::kPost || code == coap::kDelete;
}

Asked asked_for(const coap::Message& request) {
  const Options options = read_options(request);
  const auto path = options.path();
  if (options.problem != coap::kEmpty) return {Asked::Kind::nothing, {}, options.problem};
  if (!path.empty() && path[0] == "rd") {
    if (path.size() == 1 && request.code == coap::kPost) {
      return {Asked::Kind::registers, endpoint_in(request), coap::kBadRequest};
    }
    const bool ours = request.code == coap::kPost || request.code == coap::kDelete;
    if (path.size() == 2 && ours) return {Asked::Kind::at_location, path[1], coap::kNotFound};
  }
  return {Asked::Kind::nothing, {}, surface(request.code, path)};
}

coap::Code surface(coap::Code method, std::span<const std::string_view> path) {
  if (path.size() == 2 && path[0] == ".well-known" && path[1] == "core") {
    return method == coap::kGet ? coap::kContent : coap::kMethodNotAllowed;
  }
  if (path.size() == 1 && path[0] == "rd") return coap::kMethodNotAllowed;
  if (path.size() == 2 && path[0] == "rd") {
    const bool ours = method == coap::kPost || method == coap::kDelete;
    return ours ? coap::kNotFound : coap::kMethodNotAllowed;
  }
  if (path.size() == 1 && path[0] == "dp") {
    return method == coap::kPost ? coap::kNotFound : coap::kMethodNotAllowed;
  }
  return coap::kNotFound;
}

void write_answer(std::string& out, const coap::Message& request, coap::Code code,
                  std::uint16_t fresh_id) {
  const bool confirmable = request.type == coap::Type::con;
  coap::Writer writer(out, confirmable ? coap::Type::ack : coap::Type::non, code,
                      confirmable ? request.id : fresh_id, request.token);
  if (code == coap::kContent) {
    writer.number(coap::option::kContentFormat, kLinkFormat);
    writer.payload(kCore);
  } else if (code == coap::kUnavailable) {
    writer.number(coap::option::kMaxAge, kTryAgainS);
  }
}

coap::Reply reply_of(coap::Code code) {
  coap::Reply out;
  out.code = code;
  if (code == coap::kContent) {
    out.content_format = kLinkFormat;
    out.payload = kCore;
  } else if (code == coap::kUnavailable) {
    out.max_age = kTryAgainS;
  }
  return out;
}

coap::Reply created(std::string_view location) {
  coap::Reply out;
  out.code = coap::kCreated;
  out.location = {"rd", location};
  return out;
}

std::string_view proven_name(const keel::Verified& verified) {
  return verified.psk_identity().empty() ? verified.cn() : verified.psk_identity();
}

}  // namespace lwm2m
