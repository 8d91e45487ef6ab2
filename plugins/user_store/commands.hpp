// `ctl users ...` and `ctl clientid ...`. [control]; the answers come from workers.
#pragma once

#include <keel/host.hpp>

#include <atomic>
#include <string>
#include <vector>

#include "user_store/checks.hpp"
#include "user_store/flavor.hpp"
#include "user_store/foreign_hash.hpp"
#include "user_store/settings_users.hpp"
#include "user_store/user_store.hpp"

namespace user_store {

class Commands {
 public:
  Commands(keel::Host& host, const Flavor& flavor, UserStore& store, Checks& checks,
           const SettingsUsers& settings_users)
      : host_(host),
        flavor_(flavor),
        store_(store),
        checks_(checks),
        settings_users_(settings_users) {}

  keel::Status start();
  void set_foreign_hash(const ForeignHash& how) { how_ = how; }
  // Those who are connected under one of the names. [any]
  void disconnect_all(std::vector<std::string> names) const;

 private:
  using Change = UserStore::Change;

  int run(const keel::CtlCall& call);
  int set(const keel::CtlCall& call, Change::Kind kind);
  int remove(const keel::CtlCall& call);
  int list(const keel::CtlCall& call);
  int import(const keel::CtlCall& call);

  int fail(const keel::CtlCall& call, std::string_view text) const;
  // Why nothing can be done to the name here; empty: something can.
  std::string refusal(std::string_view name, Change::Kind kind) const;
  void finish(const keel::CtlReply& reply, bool json, Change::Kind kind, const std::string& name,
              UserStore::Outcome outcome, std::string_view problem) const;
  std::string names(bool json) const;
  void imported(const keel::CtlReply& reply, bool json, const std::string& path,
                const keel::Result<UserStore::Imported>& result) const;
  void disconnect(const std::string& name) const;

  keel::Host& host_;
  const Flavor& flavor_;
  UserStore& store_;
  Checks& checks_;
  const SettingsUsers& settings_users_;
  ForeignHash how_;
  std::atomic<int> hashing_{0};
};

}  // namespace user_store
