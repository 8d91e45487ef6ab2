#include "kernel/config/sample.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <vector>

#include "kernel/config/kernel_schema.hpp"

namespace keel::kernel {

namespace {

struct SectionText {
  std::string_view prefix;   // of the keys in the schema
  std::string_view header;   // in the sample
  std::string_view comment;  // one line
};
constexpr std::array kSections = {
    SectionText{"kernel", "kernel", "The process. All of it waits for a restart."},
    SectionText{"plugins", "plugins",
                "Plugins; each has its own settings in plugins/<name>.conf beside this file."},
    SectionText{"listener.*", "listener.mqtt",
                "Where clients connect. Any number of sections, [listener.<name>]."},
    SectionText{"tls.*", "tls.default",
                "Certificates for listeners, [tls.<name>]. Read again on file change."},
    SectionText{"mqtt", "mqtt", "The protocol."},
    SectionText{"limits", "limits", "What one client, and all of them, may use. 0: no limit."},
    SectionText{"auth", "auth",
                "Logins that fail. Whom plugins know is in their settings, in plugins/."},
    SectionText{"flapping", "flapping", "Clients that connect and disconnect all the time."},
    SectionText{"retain", "retain", "Retained messages."},
    SectionText{"durability", "durability",
                "What has happened to a message before it is acknowledged, if a store is loaded."},
    SectionText{"log", "log", "The log."},
    SectionText{"sys", "sys", "$SYS topics."},
    SectionText{"http", "http", "For monitoring. Off unless bound; keep it on loopback."},
};

// Lines of the shipped file that are in force.
struct Active {
  std::string_view key, line;
};
constexpr std::array kActive = {
    Active{"plugins.load", "load = [\"emqx_store\"]"},
    Active{"kernel.default_address", "default_address = \"127.0.0.1\""},
    Active{"listener.*.bind", "bind = 1883"},
    Active{"tls.*.certfile", "certfile = \"etc/certs/cert.pem\""},
    Active{"tls.*.keyfile", "keyfile = \"etc/certs/key.pem\""},
};

constexpr std::string_view kHead =
    R"(# Settings of Keel, in TOML. Every key there is stands here; a line behind # shows the default.
#
# Durations: "500ms", "20s", "15m", "2h", "7d", or a plain number of seconds.
# Sizes: "64KB", "1MB", "2GB" (counted in 1024), or a plain number of bytes.
# Relative paths count from the working directory.
#
# The environment overrides the file: KEEL__LISTENER__MQTT__BIND=1884 sets listener.mqtt.bind.
# The command line overrides both: keel --set listener.mqtt.bind=1884
# `ctl conf check` looks for mistakes, `ctl conf reload` takes changes over.
)";

constexpr std::string_view kTlsListener = R"(
# MQTT over TLS. tools/run makes a self-signed pair for development in etc/certs when there is none.
# [listener.mqtts]
# bind = 8883
# tls = "default"
)";

bool in_section(const SettingSpec& spec, std::string_view prefix) {
  return spec.key.size() > prefix.size() && spec.key.starts_with(prefix) &&
         spec.key[prefix.size()] == '.';
}

std::string_view short_key(const SettingSpec& spec, std::string_view prefix) {
  return std::string_view(spec.key).substr(prefix.size() + 1);
}

std::string default_text(const SettingSpec& spec) {
  return spec.example.empty() ? print_value(spec, spec.fallback) : spec.example;
}

std::string sample_line(const SettingSpec& spec, std::string_view prefix) {
  std::string line = fmt::format("# {} = {}", short_key(spec, prefix), default_text(spec));
  for (const auto& active : kActive) {
    if (active.key == spec.key) line = active.line;
  }
  return fmt::format("{:<40}  # {}\n", line, spec.help);
}

// troff takes a leading dot or apostrophe, hyphens and backslashes for its own.
std::string troff(std::string_view text) {
  std::string out;
  if (!text.empty() && (text.front() == '.' || text.front() == '\'')) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string manual_entry(const SettingSpec& spec, std::string_view prefix) {
  std::string text =
      fmt::format(".TP\n.B {}\n{}.\n", troff(short_key(spec, prefix)), troff(spec.help));
  text += fmt::format("Takes {}", troff(expectation(spec)));
  const auto fallback = print_value(spec, spec.fallback);
  if (spec.fallback != Value() && !(spec.fallback == Value(std::string()) && !spec.may_be_empty)) {
    text += fmt::format("; default {}", troff(fallback));
  }
  text += ".\n";
  if (!spec.reloadable) text += "A change needs a restart.\n";
  return text;
}

constexpr std::string_view kManualHead = R"(.TH KEEL.CONF 5 "" "Keel" "Keel"
.SH NAME
keel.conf \- settings of the MQTT broker Keel
.SH DESCRIPTION
.BR keel (8)
reads its settings from a TOML file, by default
.IR etc/keel.conf .
Unknown keys and values out of range are refused with file, line and column.
.PP
Settings come in layers, each over the one before: defaults, the file, the environment, the command line.
The environment variable
.B KEEL__LISTENER__MQTT__BIND
sets
.BR listener.mqtt.bind :
two underscores stand for a dot, case does not matter.
On the command line it is
.BR "\-\-set listener.mqtt.bind=1884" .
A value there is TOML, or plain text when it is not.
.PP
Durations are written as "500ms", "20s", "15m", "2h", "7d", or as a plain number of seconds.
Sizes are written as "64KB", "1MB", "2GB", counted in 1024, or as a plain number of bytes.
In
.B [limits]
0 means no limit.
Relative paths count from the working directory.
.PP
.B ctl conf reload
and SIGHUP take a changed file over, as a whole or not at all.
)";

constexpr std::string_view kManualTail = R"(.SH FILES
.TP
.I etc/keel.conf
The shipped file holds every key with its default.
.TP
.I etc/plugins/<name>.conf
Settings of a plugin.
.SH EXAMPLE
Open the broker to the network, over TLS, for everybody:
.PP
.nf
.RS
[listener.mqtts]
bind = "0.0.0.0:8883"
tls = "default"
allow_anonymous = true

[tls.default]
certfile = "/etc/keel/certs/cert.pem"
keyfile = "/etc/keel/certs/key.pem"
.RE
.fi
.SH SEE ALSO
.BR keel (8),
.BR ctl (8)
)";

}  // namespace

std::string sample_file() {
  std::string text(kHead);
  for (const auto& section : kSections) {
    text += fmt::format("\n# {}\n[{}]\n", section.comment, section.header);
    for (const auto& spec : kernel_schema().specs()) {
      if (in_section(spec, section.prefix)) text += sample_line(spec, section.prefix);
    }
    if (section.prefix == "tls.*") text += kTlsListener;
  }
  return text;
}

std::string manual_page() {
  std::string text(kManualHead);
  for (const auto& section : kSections) {
    std::string name(section.prefix);
    if (const auto star = name.find('*'); star != std::string::npos)
      name.replace(star, 1, "<name>");
    text += fmt::format(".SH \"[{}]\"\n{}\n", name, troff(section.comment));
    for (const auto& spec : kernel_schema().specs()) {
      if (in_section(spec, section.prefix)) text += manual_entry(spec, section.prefix);
    }
  }
  return text += kManualTail;
}

}  // namespace keel::kernel
