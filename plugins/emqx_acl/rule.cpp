#include "emqx_acl/rule.hpp"

#include "emqx_acl/printable.hpp"

namespace emqx_acl {
namespace {

std::string conditions(const Rule& rule) {
  std::string out;
  if (rule.qos != kAnyQos) {
    for (int qos = 0; qos <= 2; ++qos) {
      if (rule.qos >> qos & 1) out += keel::concat(out.empty() ? " qos " : ",", qos);
    }
  }
  if (rule.retain) out += *rule.retain ? " retained" : " not retained";
  return out;
}

}  // namespace

std::string Rule::text() const {
  const char* const words[] = {"", "publish", "subscribe", "publish and subscribe"};
  std::string out = keel::concat(permit ? "allow " : "deny ", subject.text(), ' ', words[actions],
                                 conditions(*this));
  if (topics.empty()) return out + " any topic";
  for (const TopicPattern& topic : topics) {
    out += keel::concat(&topic == &topics.front() ? " " : ", ", in_quotes(topic.text()));
  }
  return out;
}

}  // namespace emqx_acl
