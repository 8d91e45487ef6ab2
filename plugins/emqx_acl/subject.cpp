#include "emqx_acl/subject.hpp"

#include <algorithm>

#include "emqx_acl/printable.hpp"

namespace emqx_acl {

Subject Subject::named(Kind kind, std::vector<std::string> names) {
  Subject out(kind);
  out.names_ = std::move(names);
  std::sort(out.names_.begin(), out.names_.end());
  out.names_.erase(std::unique(out.names_.begin(), out.names_.end()), out.names_.end());
  return out;
}

Subject Subject::in(std::vector<Network> networks) {
  Subject out(Kind::address);
  out.networks_ = std::move(networks);
  return out;
}

Subject Subject::all_of(std::vector<Subject> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  Subject out(Kind::all_of);
  out.parts_ = std::move(parts);
  return out;
}

Subject Subject::any_of(std::vector<Subject> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  Subject out(Kind::any_of);
  out.parts_ = std::move(parts);
  return out;
}

std::string_view Subject::word(Kind kind) {
  switch (kind) {
    case Kind::everybody:
      return "all";
    case Kind::user:
      return "user";
    case Kind::client:
      return "client";
    case Kind::address:
      return "address";
    case Kind::cn:
      return "certificate cn";
    case Kind::san:
      return "certificate san";
    case Kind::dn:
      return "certificate dn";
    case Kind::listener:
      return "listener";
    case Kind::all_of:
      return "and";
    case Kind::any_of:
      return "or";
  }
  return "";
}

std::optional<std::string_view> Subject::value(const Who& who) const {
  switch (kind_) {
    case Kind::user:
      return who.has_username ? std::optional(who.username) : std::nullopt;
    case Kind::client:
      return who.client_id;
    case Kind::listener:
      return who.listener;
    case Kind::cn:
      return who.cn;
    case Kind::san:
      return who.san;
    case Kind::dn:
      return who.dn;
    default:
      return std::nullopt;
  }
}

bool Subject::has_name(std::string_view name) const {
  return std::binary_search(names_.begin(), names_.end(), name, std::less<>());
}

bool Subject::holds(const Who& who, bool benefit) const {
  switch (kind_) {
    case Kind::everybody:
      return true;
    case Kind::all_of:
      return std::all_of(parts_.begin(), parts_.end(),
                         [&](const Subject& part) { return part.holds(who, benefit); });
    case Kind::any_of:
      return std::any_of(parts_.begin(), parts_.end(),
                         [&](const Subject& part) { return part.holds(who, benefit); });
    default:
      break;
  }
  if (who.away && depends_on_connection()) return benefit;
  if (kind_ == Kind::address) {
    return std::any_of(networks_.begin(), networks_.end(),
                       [&](const Network& network) { return network.contains(who.ip); });
  }
  const auto name = value(who);
  return name && has_name(*name);
}

void Subject::explain(const Who& who, bool benefit, std::vector<std::string>& lines) const {
  if (kind_ == Kind::everybody) return lines.push_back("it is about everybody");
  if (kind_ == Kind::all_of) {
    for (const Subject& part : parts_) part.explain(who, benefit, lines);
    return;
  }
  if (kind_ == Kind::any_of) {
    for (const Subject& part : parts_) {
      if (part.holds(who, benefit)) return part.explain(who, benefit, lines);
    }
    return;
  }
  if (kind_ == Kind::address) {
    for (const Network& network : networks_) {
      if (!network.contains(who.ip)) continue;
      return lines.push_back(keel::concat("the address is in ", network.text()));
    }
    return;
  }
  if (const auto name = value(who)) {
    lines.push_back(keel::concat("the ", word(kind_), " is ", in_quotes(*name)));
  }
}

std::optional<Subject::Keys> Subject::keys() const {
  std::optional<Keys> out;
  switch (kind_) {
    case Kind::user:
      return Keys{names_, {}};
    case Kind::client:
      return Keys{{}, names_};
    case Kind::all_of:  // each of them must hold, so the one with the fewest names will do
      for (const Subject& part : parts_) {
        auto keys = part.keys();
        if (keys && (!out || keys->size() < out->size())) out = std::move(keys);
      }
      return out;
    case Kind::any_of:
      out.emplace();
      for (const Subject& part : parts_) {
        const auto keys = part.keys();
        if (!keys) return std::nullopt;
        out->users.insert(out->users.end(), keys->users.begin(), keys->users.end());
        out->clients.insert(out->clients.end(), keys->clients.begin(), keys->clients.end());
      }
      return out;
    default:
      return std::nullopt;
  }
}

std::string Subject::text(bool inside) const {
  if (kind_ == Kind::everybody) return "all";
  std::string out;
  if (kind_ == Kind::all_of || kind_ == Kind::any_of) {
    for (const Subject& part : parts_) {
      if (!out.empty()) out += keel::concat(' ', word(kind_), ' ');
      out += part.text(true);
    }
    return inside ? keel::concat('(', out, ')') : out;
  }
  for (const std::string& name : names_) out += (out.empty() ? "" : ", ") + in_quotes(name);
  for (const Network& network : networks_) out += (out.empty() ? "" : ", ") + network.text();
  const bool several = names_.size() + networks_.size() > 1;
  return keel::concat(word(kind_), several ? " in [" : " ", out, several ? "]" : "");
}

}  // namespace emqx_acl
