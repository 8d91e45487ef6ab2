// Commands of EMQ X that this version does not have: refused by name, so that nobody takes silence
// or "unknown command" for an answer. A plugin may add a command of the name.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"

namespace keel::kernel {
namespace {

struct AbsentCommand {
  std::string_view name, hint;
  std::string_view where = "this version";
};

constexpr AbsentCommand kAbsent[] = {
    {"acl", "the plugin emqx_acl brings it: `plugins load emqx_acl`", "the kernel"},
    {"admins", "there is no dashboard; access to ctl is by user id of the operating system"},
    {"bridges", "let a client that is connected to both brokers forward messages"},
    {"clientid", "the plugin emqx_auth_clientid brings it: `plugins load emqx_auth_clientid`",
     "the kernel"},
    {"cluster", "Keel runs as a single node"},
    {"mgmt", "there is no REST interface; see `metrics --prometheus` and http.bind"},
    {"mnesia", "there is no database; `vm memory` and `broker stats` show what is held"},
    {"modules", "what modules do is set in keel.conf; see `conf show`"},
    {"recon", "`vm` shows memory, threads and file descriptors"},
    {"resource-types", "there is no rule engine"},
    {"resources", "there is no rule engine"},
    {"rule-actions", "there is no rule engine"},
    {"rules", "there is no rule engine"},
    {"users", "the plugin emqx_auth_username brings it: `plugins load emqx_auth_username`",
     "the kernel"},
};

}  // namespace

void add_refused_commands(CommandTable& table) {
  for (const AbsentCommand& refused : kAbsent) {
    table.add_fallback(std::string(refused.name), [refused](Args, Reply& reply) {
      return reply.fail(
          fmt::format("`{}`: not part of {}; {}.", refused.name, refused.where, refused.hint));
    });
  }
}

}  // namespace keel::kernel
