#include "emqx_lwm2m/settings.hpp"

#include "emqx_lwm2m/format/path.hpp"
#include "emqx_lwm2m/settings_parts.hpp"

namespace lwm2m {

namespace detail {

std::uint32_t number(const keel::Config& config, const char* key) {
  return static_cast<std::uint32_t>(config.integer(key));
}
std::uint32_t millis(const keel::Config& config, const char* key) {
  return static_cast<std::uint32_t>(config.duration_ms(key));
}
std::uint32_t seconds(const keel::Config& config, const char* key) {
  return static_cast<std::uint32_t>((config.duration_ms(key) + 999) / 1000);
}
std::uint32_t octets(const keel::Config& config, const char* key) {
  return static_cast<std::uint32_t>(config.size(key));
}

}  // namespace detail

namespace {

using detail::millis;
using detail::number;
using detail::octets;
using detail::seconds;
using keel::concat;
using keel::Config;
using keel::Status;

std::optional<std::string> optional_text(const Config& config, const char* key) {
  std::string text = config.text(key);
  if (text.empty()) return std::nullopt;
  return text;
}

std::shared_ptr<const coap::PeerSettings> read_coap(const Config& config) {
  auto out = std::make_shared<coap::PeerSettings>();
  out->ack_timeout_ms = millis(config, "lwm2m.ack_timeout");
  out->max_retransmit = number(config, "lwm2m.max_retransmit");
  out->nstart = number(config, "lwm2m.nstart");
  out->response_timeout_ms = millis(config, "lwm2m.response_timeout");
  out->block_timeout_ms = millis(config, "lwm2m.block_timeout");
  out->block_size = static_cast<std::uint32_t>(std::stoul(config.text("lwm2m.block_size", "512")));
  out->max_body_size = octets(config, "lwm2m.max_body_size");
  out->max_assembly = std::min(out->max_assembly, out->max_body_size);
  return out;
}

Status read_registration(const Config& config, RegistrationLimits& out) {
  out.lifetime_min_s = seconds(config, "lwm2m.lifetime_min");
  out.lifetime_max_s = seconds(config, "lwm2m.lifetime_max");
  out.clamp = config.text("lwm2m.lifetime_policy") == "clamp";
  out.strict = config.boolean("lwm2m.strict_registration");
  if (out.lifetime_min_s <= out.lifetime_max_s) return {};
  return config.fail("lwm2m.lifetime_min", "is longer than lwm2m.lifetime_max; make it shorter");
}

// "off", "on", or paths with commas between them.
Status read_auto_observe(const Config& config, DeviceSettings& out) {
  constexpr const char* kKey = "lwm2m.auto_observe";
  const std::string text = config.text(kKey);
  if (text.empty() || text == "off" || text == "false") return {};
  out.auto_observe = true;
  if (text == "on" || text == "true") return {};
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    std::string_view each = std::string_view(text).substr(at, comma - at);
    at = comma + 1;
    while (each.starts_with(' ')) each.remove_prefix(1);
    while (each.ends_with(' ')) each.remove_suffix(1);
    const auto path = parse_path(each);
    if (!path || path->depth == 0) {
      return config.fail(kKey, concat("'", each, "' is neither off, on nor a path such as /3/0/9"));
    }
    if (path->object() == 0) {
      return config.fail(kKey, concat("'", each,
                                      "' is of the Security object, which no server may read; "
                                      "leave it out"));
    }
    out.auto_observe_paths.push_back(path->text());
  }
  return {};
}

Status read_devices(const Config& config, DeviceSettings& out) {
  KEEL_TRY(read_registration(config, out.registration));
  KEEL_TRY(read_auto_observe(config, out));
  out.lifetime_grace_s = seconds(config, "lwm2m.lifetime_grace");
  out.refresh_on_any = config.boolean("lwm2m.refresh_on_any");
  out.queue_window_ms = millis(config, "lwm2m.qmode_time_window");
  out.queue_max = number(config, "lwm2m.queue_max");
  out.queue_max_octets = octets(config, "lwm2m.queue_max_size");
  out.queue_ttl_s = seconds(config, "lwm2m.queue_ttl");
  out.requeue_on_timeout = config.boolean("lwm2m.qmode_requeue_on_timeout");
  out.max_observations = number(config, "lwm2m.max_observations");
  out.observe_restore = config.boolean("lwm2m.observe_restore");
  out.publish_ack = config.boolean("lwm2m.publish_ack");
  out.offline_reply = config.boolean("lwm2m.offline_reply");
  out.command.answer_garbage = out.offline_reply;
  out.update_reports = config.text("lwm2m.update_msg_publish_condition") == "always"
                           ? UpdateReports::always
                           : UpdateReports::contains_object_list;
  out.reply.content_meta = config.boolean("lwm2m.content_meta");
  out.reply.strict_xml_a = config.boolean("lwm2m.strict_xml_schema_a");
  out.coap = read_coap(config);
  return {};
}

}  // namespace

std::string xml_directory(const Config& config) {
  const std::string name = config.text("lwm2m.xml_dir");
  return name.empty() ? name : config.path(name);
}

keel::Result<SettingsPtr> read_settings(const Config& config, DefinitionsPtr definitions) {
  auto out = std::make_shared<GatewaySettings>();
  auto devices = std::make_shared<DeviceSettings>();
  KEEL_TRY(detail::read_listeners(config, *out));
  KEEL_TRY(detail::read_topics(config, out->topics));
  KEEL_TRY(read_devices(config, *devices));
  devices->definitions = std::move(definitions);
  out->devices = std::move(devices);
  out->allow_anonymous = config.boolean_if_set("lwm2m.allow_anonymous");
  out->username = optional_text(config, "lwm2m.username");
  out->password = optional_text(config, "lwm2m.password");
  if (out->password && !out->username) {
    return config.fail("lwm2m.password", "needs lwm2m.username, without which it is not sent");
  }
  out->max_devices = number(config, "lwm2m.max_devices");
  out->register_rate = number(config, "lwm2m.max_register_rate");
  out->max_command_size = octets(config, "lwm2m.max_command_size");
  out->persist = config.boolean("lwm2m.persist");
  if (!config.text("lwm2m.lb").empty()) {
    out->warnings.push_back(
        "lwm2m.lb has no effect: there is no proxy protocol for CoAP here; remove it");
  }
  return SettingsPtr(std::move(out));
}

}  // namespace lwm2m
