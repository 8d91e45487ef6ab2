#include "kernel/admin/commands.hpp"

namespace keel::kernel {

void add_kernel_commands(CommandTable& table, AdminContext& context) {
  add_node_commands(table, context);
  add_vm_command(table, context);
  add_client_commands(table, context);
  add_banned_command(table, context);
  add_session_commands(table, context);
  add_route_commands(table, context);
  add_subscription_commands(table, context);
  add_retainer_commands(table, context);
  add_durability_command(table, context);
  add_listener_commands(table, context);
  add_log_commands(table);
  add_trace_commands(table, context);
  add_conf_commands(table, context);
  add_plugin_commands(table, context);
  add_refused_commands(table);
}

}  // namespace keel::kernel
