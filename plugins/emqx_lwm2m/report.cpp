#include "emqx_lwm2m/report.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace lwm2m {
namespace {

namespace js = boost::json;
using keel::concat;

// "  listener      : lwm2m:udp"
template <class... A>
void add_line(std::string& out, std::string_view name, const A&... value) {
  out += concat("  ", padded(name, 14), ": ", value..., '\n');
}

const char* state_of(const DeviceReport& report) { return report.reachable ? "awake" : "asleep"; }

std::string binding_of(const Registration& registration) {
  std::string out = registration.binding.value_or("U");
  if (registration.queue_flag && out.find('Q') == std::string::npos) out += 'Q';
  return on_one_line(out);
}

std::string operations(const ResourceDefinition& resource) {
  std::string out;
  if (resource.readable) out += 'R';
  if (resource.writable) out += 'W';
  if (resource.executable) out += 'E';
  return out;
}

const ObjectDefinition* definition_of(std::string_view path, const Registration& registration,
                                      const Definitions& definitions) {
  const auto parsed = parse_path(path);
  if (!parsed || parsed->depth == 0) return nullptr;
  return Types{&definitions, &registration.versions}.object(parsed->object());
}

js::value text_or_null(std::string_view text) {
  return text.empty() ? js::value(nullptr) : js::value(text);
}

}  // namespace

std::string_view beginning(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

std::string DeviceReport::line() const {
  return concat("Lwm2mDevice(", on_one_line(registration.endpoint),
                ", peername=", peer.empty() ? "unknown" : peer,
                ", version=", on_one_line(registration.version),
                ", binding=", binding_of(registration), ", lifetime=", registration.lifetime_s,
                ", left=", left_s, ", state=", state_of(*this),
                ", objects=", registration.objects.size(), ", observes=", observations,
                ", queue=", waiting, ")\n");
}

std::string DeviceReport::page() const {
  std::string out = line();
  add_line(out, "listener", listener.empty() ? "unknown" : listener);
  if (!identity.empty()) add_line(out, "identity", on_one_line(identity));
  if (registration.sms) add_line(out, "sms", on_one_line(*registration.sms));
  add_line(out, "path", on_one_line(registration.alternate_path));
  std::string formats;
  for (const std::uint16_t format : registration.formats) formats += concat(' ', format);
  if (!formats.empty()) add_line(out, "formats", std::string_view(formats).substr(1));
  for (const auto& [name, value] : registration.others) {
    add_line(out, on_one_line(name), on_one_line(value));
  }
  std::string objects;
  for (const std::string& object : registration.objects) objects += ' ' + on_one_line(object);
  add_line(out, "objects", objects.empty() ? "none" : std::string_view(objects).substr(1));
  return out;
}

std::string DeviceReport::json() const {
  js::object out{{"endpoint", registration.endpoint},
                 {"peername", text_or_null(peer)},
                 {"listener", text_or_null(listener)}};
  if (!identity.empty()) out["identity"] = identity;
  out["version"] = registration.version;
  out["binding"] = registration.binding ? js::value(*registration.binding) : js::value(nullptr);
  out["queue_mode"] = registration.queue_mode();
  out["lifetime"] = registration.lifetime_s;
  out["left"] = left_s;
  out["state"] = state_of(*this);
  if (registration.sms) out["sms"] = *registration.sms;
  out["path"] = registration.alternate_path;
  js::object others;
  for (const auto& [name, value] : registration.others) others[name] = value;
  out["parameters"] = std::move(others);
  out["objects"] = js::value_from(registration.objects);
  out["observations"] = observations;
  out["waiting"] = waiting;
  return js::serialize(out);
}

std::string ObservationReport::line() const {
  std::string out = padded(path, 20);
  if (pending) {
    out += "not made yet";
  } else {
    out += concat("notified ", ago_s ? concat(*ago_s, " s ago") : "never");
    if (sequence) out += concat(", sequence ", *sequence);
  }
  if (automatic) out += " (lwm2m.auto_observe)";
  return out + '\n';
}

std::string ObservationReport::json() const {
  js::object out{{"path", path}, {"sequence", nullptr}, {"notified", nullptr}};
  if (sequence) out["sequence"] = *sequence;
  if (ago_s) out["notified"] = *ago_s;
  out["automatic"] = automatic;
  out["pending"] = pending;
  return js::serialize(out);
}

std::string WaitingReport::line() const {
  return concat(padded(concat(left_s, " s"), 10), on_one_line(command), cut ? " ..." : "", '\n');
}

std::string WaitingReport::json() const {
  return js::serialize(js::object{{"command", command}, {"cut", cut}, {"left", left_s}});
}

std::string objects_text(const Registration& registration, const Definitions& definitions) {
  if (registration.objects.empty()) return "it has told no objects\n";
  std::string out;
  for (const std::string& path : registration.objects) {
    const ObjectDefinition* const known = definition_of(path, registration, definitions);
    out += padded(on_one_line(path), 16);
    out += known ? concat(known->name, " (", known->version, ')') : std::string("not defined");
    out += '\n';
  }
  return out;
}

std::string objects_json(const Registration& registration, const Definitions& definitions) {
  js::array out;
  for (const std::string& path : registration.objects) {
    const ObjectDefinition* const known = definition_of(path, registration, definitions);
    js::object row{{"path", path}, {"name", nullptr}, {"version", nullptr}};
    if (known) {
      row["name"] = known->name;
      row["version"] = known->version;
    }
    out.push_back(std::move(row));
  }
  return js::serialize(out) + '\n';
}

std::string definitions_text(const Definitions& definitions) {
  std::string out;
  definitions.each([&](const ObjectDefinition& object) {
    out += concat(padded(std::to_string(object.id), 7), padded(object.version, 6),
                  padded(on_one_line(object.name), 32), object.resources.size(), " resources, ",
                  on_one_line(object.file), '\n');
  });
  return out.empty() ? "there are none; see lwm2m.xml_dir\n" : out;
}

std::string definitions_json(const Definitions& definitions) {
  js::array out;
  definitions.each([&](const ObjectDefinition& object) {
    out.push_back({{"id", object.id},
                   {"version", object.version},
                   {"name", object.name},
                   {"resources", object.resources.size()},
                   {"file", object.file}});
  });
  return js::serialize(out) + '\n';
}

std::string definition_text(const ObjectDefinition& object) {
  std::string out = concat(object.id, ' ', on_one_line(object.name), ' ', object.version, '\n');
  if (!object.description.empty()) add_line(out, "description", on_one_line(object.description));
  add_line(out, "urn", on_one_line(object.urn));
  add_line(out, "instances", object.multiple ? "several" : "one");
  add_line(out, "file", on_one_line(object.file));
  for (const ResourceDefinition& resource : object.resources) {
    out += concat("  /", padded(std::to_string(resource.id), 6), padded(operations(resource), 4),
                  padded(name(resource.type), 17), padded(resource.multiple ? "several" : "", 8),
                  on_one_line(resource.name));
    if (!resource.units.empty()) out += concat(" [", on_one_line(resource.units), ']');
    if (!resource.description.empty()) out += concat(": ", on_one_line(resource.description));
    out += '\n';
  }
  return out;
}

std::string definition_json(const ObjectDefinition& object) {
  js::array resources;
  for (const ResourceDefinition& each : object.resources) {
    resources.push_back({{"id", each.id},
                         {"name", each.name},
                         {"operations", operations(each)},
                         {"type", text_or_null(name(each.type))},
                         {"multiple", each.multiple},
                         {"mandatory", each.mandatory},
                         {"range", each.range},
                         {"units", each.units},
                         {"description", each.description}});
  }
  return js::serialize(js::object{{"id", object.id},
                                  {"version", object.version},
                                  {"name", object.name},
                                  {"urn", object.urn},
                                  {"multiple", object.multiple},
                                  {"mandatory", object.mandatory},
                                  {"description", object.description},
                                  {"file", object.file},
                                  {"resources", std::move(resources)}}) +
         '\n';
}

}  // namespace lwm2m
