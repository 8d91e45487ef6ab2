// The operators' commands: ctl store .... Lives as long as the plugin runs. [control]
#pragma once

#include <functional>
#include <keel/ctl.hpp>
#include <keel/host.hpp>
#include <keel/timer.hpp>
#include <string>

#include "emqx_store/run/service.hpp"

namespace emqx_store {

class Commands {
 public:
  Commands(const keel::Host& host, Service& service) : host_(host), service_(service) {}
  keel::Status add();

 private:
  int called(keel::CtlCall& call);
  // Answers when the work is done, or after a while that it goes on.
  int start(keel::CtlCall& call, std::string name, Jobs::Work work);
  Jobs::Result compact(const std::atomic<bool>& cancelled);

  const keel::Host& host_;
  Service& service_;
};

}  // namespace emqx_store
