// The operators' commands: ctl store .... Lives as long as the plugin runs. [control]
#pragma once

#include <keel/ctl.hpp>
#include <keel/host.hpp>
#include <string>
#include <string_view>

#include "emqx_store/run/service.hpp"

namespace emqx_store {

class Commands {
 public:
  Commands(const keel::Host& host, Service& service) : host_(host), service_(service) {}
  keel::Status add();

 private:
  int called(keel::CtlCall& call);
  int start_backup(keel::CtlCall& call);
  int start_restore(keel::CtlCall& call);
  int start(keel::CtlCall& call, Jobs::Work work);
  std::string path(std::string_view text) const;  // relative ones as in the settings

  const keel::Host& host_;
  Service& service_;
};

}  // namespace emqx_store
