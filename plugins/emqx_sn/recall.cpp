#include "emqx_sn/recall.hpp"

#include <cstddef>
#include <string_view>

#include "emqx_sn/kept.hpp"

namespace sn {
namespace {

class Recall {
 public:
  Recall(Common& common, const ListenerSet& listeners, bool continued)
      : common_(common), listeners_(listeners), continued_(continued) {}

  void run() {
    const keel::Status status = common_.host.kv().each(
        {}, [this](std::string_view id, std::string_view record) { take(id, record); });
    tell(status);
  }

 private:
  void take(std::string_view id, std::string_view record) {
    ShardRoom& room = *common_.rooms[common_.host.shards().home(id)];
    if (continued_) {
      if (!room.find(id)) erase(id);
      return;
    }
    const keel::Clock clock = common_.host.clock();
    SavedDevice saved;
    switch (read_kept(id, record, {clock.mono_ms(), clock.wall_ms()}, saved)) {
      case Kept::good:
        if (room.restore(saved, listeners_.find(saved.listener))) {
          ++back_;
        } else {
          ++too_many_;
          erase(id);
        }
        return;
      case Kept::over:
        return erase(id);
      case Kept::unreadable:
        ++unreadable_;
        return;
    }
  }

  void erase(std::string_view id) const { common_.host.kv().erase(id).ignore(); }

  void tell(const keel::Status& status) const {
    const keel::Log log = common_.host.log();
    if (status.code() == KEEL_E_NOENT || status.code() == KEEL_E_UNSUPPORTED) {
      log.debug("there is no store: clients of an earlier run are not known");
    } else if (!status) {
      log.error("what the store has of clients cannot be read: ", status);
    }
    if (back_ != 0) log.notice(back_, " clients of an earlier run are known again");
    if (too_many_ != 0) {
      log.warning(too_many_,
                  " clients of an earlier run are forgotten: mqtt.sn.max_connections "
                  "is reached");
    }
    if (unreadable_ != 0) {
      log.warning("the store has ", unreadable_,
                  " records of clients that are damaged, or of "
                  "another version; they are left out, and their clients have to connect again");
    }
  }

  Common& common_;
  const ListenerSet& listeners_;
  const bool continued_;
  std::size_t back_ = 0, too_many_ = 0, unreadable_ = 0;
};

}  // namespace

void recall(Common& common, const ListenerSet& listeners, bool continued) {
  Recall(common, listeners, continued).run();
}

}  // namespace sn
