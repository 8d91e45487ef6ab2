#include "kernel/plugin/slot.hpp"

#include <exception>

#include "kernel/base/log.hpp"
#include "kernel/plugin/call.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/runtime.hpp"

namespace keel::kernel {

const keel_host& host_template();  // host.cpp

// Travels to its thread; a post that never gets there is cancelled where it is destroyed.
struct Slot::Post {
  Slot* slot;
  CallSite site;
  std::uint32_t thread;
  keel_task_fn fn;
  void* ctx;

  Post(Slot* owner, CallSite where, std::uint32_t target, keel_task_fn f, void* c)
      : slot(owner), site(where), thread(target), fn(f), ctx(c) {}
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;
  ~Post() {
    if (fn) call(1);
  }
  void call(std::int32_t cancelled) {
    const keel_task_fn once = std::exchange(fn, nullptr);
    slot->posts_.fetch_sub(1, std::memory_order_relaxed);
    call_plugin(*slot, site, [&] { once(ctx, cancelled); });
  }
};

Slot::Slot(Runtime& runtime, Manifest manifest, std::uint32_t generation)
    : runtime_(runtime),
      manifest_(std::move(manifest)),
      identity_("$plugin/" + manifest_.name),
      generation_(generation) {
  host_ = host_template();
  host_.impl = this;
  for (std::uint32_t i = 0; i <= runtime.shard_count(); ++i)
    parts_.push_back(std::make_unique<Part>());
}

Slot::~Slot() = default;

keel_status Slot::add(std::unique_ptr<HostObject> object, keel_handle* out) {
  if (!accepting()) return refuse_unloading("create");
  const keel_handle handle = runtime_.handles().add(*object, object->kind_, object->thread_);
  if (handle == 0) return fail(KEEL_E_LIMIT, "there is no handle left");
  object->handle_ = handle;
  handles_[static_cast<std::size_t>(object->kind_)].fetch_add(1, std::memory_order_relaxed);
  HostThread& keeper_thread = runtime_.thread(keeper(*object));
  if (out) *out = handle;
  if (HostThread::current() == &keeper_thread)
    arrive(std::move(object));
  else
    keeper_thread.post([this, object = std::move(object)]() mutable { arrive(std::move(object)); });
  return KEEL_OK;
}

// On the thread that keeps it.
void Slot::arrive(std::unique_ptr<HostObject> object) {
  HostThread& thread = runtime_.thread(keeper(*object));
  Part& mine = part(thread.index());
  HostObject& arrived = *object.release();
  mine.objects.push(arrived);
  if (mine.revoked) return end(thread, arrived);  // it raced with the unloading
  if (mine.active) {
    arrived.parked_ = false;
    arrived.begin();
  }
}

void Slot::drop(HostObject& object) {
  HostThread& thread = runtime_.thread(keeper(object));
  part(thread.index()).objects.remove(object);
  forget(object);
  bury(object);
}

void Slot::end(HostThread& thread, HostObject& object) {
  part(thread.index()).objects.remove(object);
  forget(object);
  object.revoke();
  // Threads of the plugin's own may have just found it, and nobody waits for them before stop().
  if (object.kind_ == ObjectKind::metric)
    ended_.emplace_back(&object);
  else
    bury(object);
}

void Slot::forget(const HostObject& object) {
  runtime_.handles().remove(object.handle_);
  handles_[static_cast<std::size_t>(object.kind_)].fetch_sub(1, std::memory_order_relaxed);
}

void Slot::bury(HostObject& object) {
  std::unique_ptr<HostObject> owned(&object);
  if (object.thread_ == kEveryThread)  // a shard may have just found it
    runtime_.shards().after_grace_period([owned = std::move(owned)] {});
  else
    runtime_.thread(object.thread_).bury(std::move(owned));
}

HostObject* Slot::find_object(keel_handle handle, ObjectKind kind, keel_status& status,
                              const char* function) const {
  status = KEEL_OK;
  const std::uint32_t home = HandleParts::thread(handle);
  const HostThread* const thread = HostThread::current();
  HostObject* const object = runtime_.handles().find(handle, kind);
  if (!object) {
    status = fail(KEEL_E_STALE,
                  fmt::format("{}: there is no such {} (any more)", function, kind_name(kind)));
    return nullptr;
  }
  if (!thread || (home != kEveryThread && home != thread->index())) {
    status = refuse_thread(const_cast<Slot&>(*this), function, "the thread that owns the handle");
    return nullptr;
  }
  if (object->slot_ != this) {
    status = fail(KEEL_E_DENIED, fmt::format("{}: the handle is another plugin's", function));
    return nullptr;
  }
  return object;
}

// What is done to an object may call the plugin, which may give any other one back.
template <class F>
void Slot::each(Part& part, F fn) {
  std::vector<std::pair<keel_handle, ObjectKind>> all;
  for (HostObject* object = part.objects.first(); object; object = ObjectList::next(*object))
    all.emplace_back(object->handle_, object->kind_);
  for (const auto& [handle, kind] : all)
    if (HostObject* object = runtime_.handles().find(handle, kind)) fn(*object);
}

void Slot::activate(HostThread& thread) {
  Part& mine = part(thread.index());
  mine.active = true;
  each(mine, [](HostObject& object) {
    object.parked_ = false;
    object.begin();
  });
  while (!mine.held.empty()) {
    auto post = std::move(mine.held.front());
    mine.held.pop_front();
    post->call(0);
  }
}

void Slot::stop_accepting() {
  ObjectList& mine = part(kControlThread).objects;
  for (HostObject* object = mine.first(); object; object = ObjectList::next(*object))
    object->stop_accepting();
}

void Slot::revoke(HostThread& thread) {
  Part& mine = part(thread.index());
  mine.active = false;
  mine.revoked = true;
  while (HostObject* object = mine.objects.first()) end(thread, *object);
  mine.held.clear();
}

void Slot::park(HostThread& thread, ObjectList& parked) {
  Part& mine = part(thread.index());
  mine.active = false;
  mine.parked = true;
  each(mine, [&](HostObject& object) {
    if (!object.parked_ && !object.park()) return end(thread, object);
    object.parked_ = true;
    mine.objects.remove(object);
    parked.push(object);
    object.waiting_ = true;
  });
}

void Slot::seal(HostThread& thread, ObjectList& parked) {
  park(thread, parked);
  Part& mine = part(thread.index());
  mine.parked = false;
  mine.revoked = true;
  mine.held.clear();
}

void Slot::unadopt(HostThread& thread, ObjectList& parked) {
  Part& mine = part(thread.index());
  mine.active = false;
  mine.revoked = true;
  each(mine, [&](HostObject& object) {
    if (!object.parked_) return end(thread, object);
    mine.objects.remove(object);
    parked.push(object);
    object.waiting_ = true;
  });
  mine.held.clear();
}

void Slot::end_parked(HostObject& object) {
  forget(object);
  object.revoke();
  bury(object);
}

void Slot::adopt(HostObject& object) {
  const auto kind = static_cast<std::size_t>(object.kind_);
  object.slot_->handles_[kind].fetch_sub(1, std::memory_order_relaxed);
  handles_[kind].fetch_add(1, std::memory_order_relaxed);
  object.slot_ = this;
  object.waiting_ = false;
  HostThread& thread = runtime_.thread(keeper(object));
  auto arriving = std::unique_ptr<HostObject>(&object);
  if (thread.control())
    arrive(std::move(arriving));
  else
    thread.post([this, object = std::move(arriving)]() mutable { arrive(std::move(object)); });
}

void Slot::reopen() {
  for (auto& each : parts_) each->active = each->parked = each->revoked = false;
  set_accepting(true);
}

keel_status Slot::make_post(std::uint32_t thread, CallSite site, keel_task_fn fn, void* ctx,
                            std::unique_ptr<Post>& out) {
  if (!fn) return fail(KEEL_E_INVAL, "post: no function given");
  if (!accepting()) return refuse_unloading("post");
  if (posts_.fetch_add(1, std::memory_order_relaxed) >= kMaxPosts) {
    posts_.fetch_sub(1, std::memory_order_relaxed);
    return fail(KEEL_E_LIMIT, fmt::format("post: {} wait already", kMaxPosts));
  }
  out = std::make_unique<Post>(this, site, thread, fn, ctx);
  return KEEL_OK;
}

void Slot::send(std::unique_ptr<Post> post) {
  HostThread& thread = runtime_.thread(post->thread);
  thread.post([this, post = std::move(post)]() mutable { run_post(std::move(post)); });
}

keel_status Slot::post(std::uint32_t thread, CallSite site, keel_task_fn fn, void* ctx) {
  std::unique_ptr<Post> post;
  const keel_status made = make_post(thread, site, fn, ctx, post);
  if (made == KEEL_OK) send(std::move(post));
  return made;
}

keel_status Slot::prepare_post(std::uint32_t thread, CallSite site, keel_task_fn fn, void* ctx,
                               Task& later) {
  std::unique_ptr<Post> post;
  const keel_status made = make_post(thread, site, fn, ctx, post);
  if (made == KEEL_OK) later = [this, post = std::move(post)]() mutable { send(std::move(post)); };
  return made;
}

void Slot::post_done(std::uint32_t thread, keel_task_fn fn, void* ctx) {
  posts_.fetch_add(1, std::memory_order_relaxed);
  send(std::make_unique<Post>(this, CallSite::worker_done, thread, fn, ctx));
}

void Slot::run_post(std::unique_ptr<Post> post) {
  Part& mine = part(post->thread);
  if (mine.revoked) return post->call(1);
  if (!mine.active && !mine.parked) return mine.held.push_back(std::move(post));
  post->call(0);
}

bool Slot::count_publish(std::size_t bytes) {
  const std::uint32_t before = publishes_.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t bytes_before = publish_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  // A single one that is larger than all may be still goes.
  if (before < kMaxPublishes && (before == 0 || bytes_before + bytes <= kMaxPublishBytes))
    return true;
  uncount_publish(bytes);
  return false;
}

void Slot::uncount_publish(std::size_t bytes) {
  publish_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  publishes_.fetch_sub(1, std::memory_order_release);
}

keel_status Slot::begin_walk(const char* function) {
  if (walks_.fetch_add(1, std::memory_order_relaxed) < kMaxWalks) return KEEL_OK;
  end_walk();
  return fail(KEEL_E_LIMIT, fmt::format("{}: {} are under way already", function, kMaxWalks));
}

CallSum Slot::calls(CallSite site) const {
  CallSum sum;
  for (const auto& each : parts_) sum += each->stats[static_cast<std::size_t>(site)].sum();
  return sum;
}

void Slot::note_time(HostThread& thread, CallSite site, std::uint64_t ns) {
  CallStats& mine = stats(thread.index(), site);
  mine.note_time(ns);
  if (ns <= PluginCall::kBudgetNs || thread.control()) return;
  mine.note_slow();
  KEEL_LOG(warning,
           "plugin={}: {} took {:.1f} ms on shard {}; more than {} ms stalls every client there: "
           "give slow work to worker threads",
           name(), site_name(site), static_cast<double>(ns) / 1e6, thread.index(),
           PluginCall::kBudgetNs / 1'000'000);
}

void Slot::note_exception(CallSite site) {
  try {
    throw;
  } catch (const std::exception& error) {
    note_exception(site, error.what());
  } catch (...) {
    note_exception(site, "something that is no std::exception");
  }
}

void Slot::note_exception(CallSite site, std::string_view text) {
  exceptions_.fetch_add(1, std::memory_order_relaxed);
  if (const HostThread* thread = HostThread::current())
    stats(thread->index(), site).note_exception();
  std::string line = fmt::format("exception in {}: {}", site_name(site), text.substr(0, 512));
  const std::int64_t second = std::time(nullptr);
  if (exception_second_.exchange(second, std::memory_order_relaxed) != second)
    KEEL_LOG(error, "plugin={}: {}", name(), line);
  note_error(std::move(line));
}

std::array<std::uint32_t, static_cast<std::size_t>(ObjectKind::count_)> Slot::handles() const {
  std::array<std::uint32_t, static_cast<std::size_t>(ObjectKind::count_)> counts{};
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] = handles_[i].load(std::memory_order_relaxed);
  return counts;
}

void Slot::note_error(std::string text) {
  const std::lock_guard lock(error_mutex_);
  error_ = std::move(text);
}

std::string Slot::last_error() const {
  const std::lock_guard lock(error_mutex_);
  return error_;
}

const void* Slot::extension(const char* id) const {
  if (!plugin.get_extension) return nullptr;
  return call_plugin(
      const_cast<Slot&>(*this), CallSite::create,
      [&] { return plugin.get_extension(plugin.self, id); }, static_cast<const void*>(nullptr));
}

}  // namespace keel::kernel
