#include "kernel/plugin/host_thread.hpp"

#include "kernel/broker/broker.hpp"
#include "kernel/net/stream_link.hpp"
#include "kernel/plugin/runtime.hpp"

namespace keel::kernel {
namespace {

thread_local HostThread* this_thread = nullptr;

}  // namespace

HostThread* HostThread::current() { return this_thread; }
void HostThread::enter() { this_thread = this; }

Shard& HostThread::shard() const { return runtime_.shards().shard(index_); }
Broker& HostThread::broker() const { return *runtime_.realm().brokers[index_]; }

void HostThread::post(Task task) {
  if (control())
    runtime_.control().post(std::move(task));
  else
    shard().post(std::move(task));
}

Result<std::unique_ptr<StreamEnd>> HostThread::open_stream(PeerInfo peer, StreamUser& user) {
  peer.carried = true;
  Realm& realm = runtime_.realm();
  return StreamEnd::open(
      shard(), std::move(peer),
      [&realm](Link& link) { return realm.brokers[link.shard().index()]->accept(link); }, user);
}

void HostThread::bury(std::unique_ptr<HostObject> object) {
  graves_.push_back(std::move(object));
  if (graves_.size() == 1) post([this] { std::exchange(graves_, {}); });
}

}  // namespace keel::kernel
