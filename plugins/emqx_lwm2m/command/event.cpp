// Events of devices: registered, updated, gone; and what they send by themselves.
#include "emqx_lwm2m/command/reply_parts.hpp"
#include "emqx_lwm2m/format/json_text.hpp"

namespace lwm2m {

namespace {

std::string_view event_name(Event event) {
  switch (event) {
    case Event::registered:
      return "register";
    case Event::updated:
      return "update";
    case Event::deregistered:
      return "deregister";
    case Event::expired:
      break;
  }
  return "expired";
}

void append_member(std::string& out, std::string_view key, std::string_view text) {
  out.push_back(',');
  append_quoted(out, key);
  out.push_back(':');
  append_quoted(out, text);
}

void append_registration(std::string& out, const Registration& registration) {
  out.append(R"(,"lt":)");
  append_number(out, registration.lifetime_s);
  append_member(out, "lwm2m", registration.version);
  if (registration.binding) append_member(out, "b", *registration.binding);
  if (registration.queue_flag) out.append(R"(,"Q":true)");
  if (registration.sms) append_member(out, "sms", *registration.sms);
  append_member(out, "alternatePath", registration.alternate_path);
  out.append(R"(,"objectList":[)");
  bool first = true;
  for (const std::string& object : registration.objects) {
    if (!first) out.push_back(',');
    first = false;
    append_quoted(out, object);
  }
  out.push_back(']');
  for (const auto& [key, value] : registration.others) append_member(out, key, value);
}

}  // namespace

std::string event(Event event, const Registration& registration) {
  constexpr std::size_t kUsual = 192, kUsualObject = 8;
  std::string out;
  out.reserve(kUsual + registration.objects.size() * kUsualObject);
  out.append(R"({"msgType":")").append(event_name(event)).append(R"(","data":{"ep":)");
  append_quoted(out, registration.endpoint);
  if (event == Event::registered || event == Event::updated) append_registration(out, registration);
  out.append("}}");
  return out;
}

std::string sent(const Decoded& content, const Types& types, const ReplySettings& settings) {
  std::string out = R"({"msgType":"send","data":{)";
  append_content(out, content, types, settings);
  out.append("}}");
  return out;
}

}  // namespace lwm2m
