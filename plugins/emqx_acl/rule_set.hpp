// All rules of one file, ready to be asked. Immutable: every shard asks the same object, and new
// rules are a new object.
//
// The first rule that holds decides. Rules that hold for certain users or clients only are found by
// name, the others are looked at one after another, past a gate that turns most of them away.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "emqx_acl/rule.hpp"
#include "emqx_acl/signature.hpp"

namespace emqx_acl {

class RuleSet {
 public:
  RuleSet() = default;
  explicit RuleSet(std::vector<Rule> rules, Dialect dialect = Dialect::toml);

  // The rule that decides, null: none does. `topic`: the position in its topics that holds.
  const Rule* decide(const Request& request, std::size_t* topic = nullptr) const;

  const std::vector<Rule>& rules() const { return rules_; }
  Dialect dialect() const { return dialect_; }
  std::size_t number(const Rule& rule) const {  // from 1
    return static_cast<std::size_t>(&rule - rules_.data()) + 1;
  }

 private:
  using Indexes = std::vector<std::uint32_t>;  // ascending
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using ByName = std::unordered_map<std::string, Indexes, Hash, std::equal_to<>>;

  const Indexes& find(const ByName& map, std::string_view name) const {
    const auto found = map.find(name);
    return found == map.end() ? none_ : found->second;
  }

  // What is looked at first of each rule, side by side in memory.
  struct Gate {
    std::uint32_t first_signature = 0, signatures = 0;  // none: every topic
    std::uint8_t actions = 0, qos = 0;
    bool needs_retained = false, needs_plain = false;
    bool lets_in(const Request& request) const;
  };
  struct Asked;
  bool holds(std::uint32_t index, const Asked& asked, std::size_t* which) const;
  bool topic_holds(std::uint32_t index, const Asked& asked, std::size_t* which) const;

  std::vector<Rule> rules_;
  std::vector<Gate> gates_;
  std::vector<Signature> signatures_;
  Dialect dialect_ = Dialect::toml;
  Indexes general_, none_;
  ByName by_user_, by_client_;
};

}  // namespace emqx_acl
