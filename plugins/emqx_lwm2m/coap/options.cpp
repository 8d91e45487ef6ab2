#include "emqx_lwm2m/coap/options.hpp"

namespace coap {
namespace {

constexpr bool critical(std::uint16_t number) { return number % 2 != 0; }

// False: it is there already, or not what it should be.
template <class T>
bool put_number(std::optional<T>& out, std::string_view value, std::size_t most = sizeof(T)) {
  const auto number = uint_value(value, most);
  if (!number || out) return false;
  out = static_cast<T>(*number);
  return true;
}
bool put_block(std::optional<Block>& out, std::string_view value) {
  if (out) return false;
  out = block_value(value);
  return out.has_value();
}

// Of a request. False: not understood.
bool take(const Option& option, RequestOptions& out, bool again) {
  switch (option.number) {
    case option::kUriHost:
    case option::kUriPort: {
      const bool host = option.number == option::kUriHost;
      return !again && (host ? !option.value.empty() : option.value.size() <= 2);
    }
    case option::kUriPath:
      ++out.path;
      return true;
    case option::kUriQuery:
      ++out.queries;
      return true;
    case option::kAccept:
      return !again && option.value.size() <= 2;
    case option::kContentFormat:
      return put_number(out.content_format, option.value);
    case option::kSize1:
      return put_number(out.size1, option.value);
    case option::kBlock1:
      return put_block(out.block1, option.value);
    case option::kBlock2:
      return put_block(out.block2, option.value);
    default:
      return false;
  }
}

Code refusal_of(const Option& option) {
  switch (option.number) {
    case option::kProxyUri:
    case option::kProxyScheme:
      return kNoProxy;
    case option::kBlock1:
    case option::kBlock2: {
      const auto value = uint_value(option.value, 3);
      return value && (*value & 7u) == 7 ? kBadRequest : kBadOption;  // the size is reserved
    }
    default:
      return kBadOption;
  }
}

// Of a response. False: not understood.
bool take(const Option& option, ResponseOptions& out) {
  switch (option.number) {
    case option::kContentFormat:
      return put_number(out.content_format, option.value);
    case option::kObserve:
      return put_number(out.observe, option.value, 3);
    case option::kBlock1:
      return put_block(out.block1, option.value);
    case option::kBlock2:
      return put_block(out.block2, option.value);
    case option::kEtag:
      if (option.value.empty() || option.value.size() > 8 || !out.etag.empty()) return false;
      out.etag = option.value;
      return true;
    case option::kLocationPath:
      out.location.append("/").append(option.value);
      return true;
    default:
      return false;
  }
}

}  // namespace

RequestOptions read_request(const Message& request) {
  RequestOptions out;
  OptionReader reader(request.options);
  Option option;
  std::uint16_t last = 0;
  while (reader.next(option)) {
    const bool again = option.number == last;
    last = option.number;
    if (take(option, out, again) || !critical(option.number)) continue;
    const Code refusal = refusal_of(option);
    if (out.refusal != kBadOption) out.refusal = refusal;
  }
  return out;
}

bool read_response(const Message& response, ResponseOptions& out) {
  OptionReader reader(response.options);
  Option option;
  while (reader.next(option)) {
    if (!take(option, out) && critical(option.number)) return false;
  }
  return true;
}

}  // namespace coap
