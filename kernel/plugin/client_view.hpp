// A client as hooks and lists of plugins see it. Views into what it was made of; stays on the
// stack.
#pragma once

#include "keel/ext/hooks.h"
#include "kernel/broker/client_info.hpp"
#include "kernel/broker/hook_table.hpp"

namespace keel::kernel {

struct ClientView {
  explicit ClientView(const HookClient& client);
  ClientView(const ClientView&) = delete;
  ClientView& operator=(const ClientView&) = delete;

  keel_client c{};

 private:
  keel_verified verified_{};
};

}  // namespace keel::kernel
