#include "kernel/router/filter_entry.hpp"

#include <new>

namespace keel::kernel {

FilterEntry::FilterEntry(std::string_view prefix, std::string_view filter, GroupMembers* group,
                         std::uint32_t node)
    : node_(node),
      text_size_(static_cast<std::uint16_t>(prefix.size() + filter.size())),
      filter_offset_(static_cast<std::uint16_t>(prefix.size())) {
  static_assert(sizeof(FilterEntry) <= kHeader, "the text stands right behind the members");
  if (group != nullptr) {
    group_ = group;
  } else {
    new (&subscribers_) SubscriberSet;
  }
  stored_text::write(place(), kHeader, prefix, filter);
}

FilterEntry::~FilterEntry() {
  if (shared()) {
    delete group_;
  } else {
    subscribers_.~SubscriberSet();
  }
  stored_text::destroy(place(), kHeader, text_size_);
}

bool FilterEntry::put(SubscriptionWord word, RetireList& retired) {
  return shared() ? group_->put(word, retired) : subscribers_.put(word, retired);
}

bool FilterEntry::remove(Subscriber subscriber, RetireList& retired) {
  return shared() ? group_->remove(subscriber, retired)
                  : subscribers_.remove(subscriber, SubscriberSet::Removal::leave_gap, retired);
}

SubscriptionWord FilterEntry::find(Subscriber subscriber) const {
  return shared() ? group_->find(subscriber) : subscribers_.find(subscriber);
}

}  // namespace keel::kernel
