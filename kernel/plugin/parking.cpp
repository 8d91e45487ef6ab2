#include "kernel/plugin/parking.hpp"

#include "kernel/plugin/runtime.hpp"
#include "kernel/plugin/slot.hpp"

namespace keel::kernel {

Parking::Parking(Runtime& runtime) : runtime_(runtime), lists_(runtime.shard_count() + 1) {
  runtime_.parking = this;
}

Parking::~Parking() { runtime_.parking = nullptr; }

HostObject* Parking::find(keel_handle handle, ObjectKind kind) {
  HostObject* const object = runtime_.handles().find(handle, kind);
  return object && object->waiting_ ? object : nullptr;
}

HostObject* Parking::find_if(ObjectKind kind, const std::function<bool(HostObject&)>& fits) {
  for (ObjectList& list : lists_)
    for (HostObject* object = list.first(); object; object = ObjectList::next(*object))
      if (object->kind() == kind && fits(*object)) return object;
  return nullptr;
}

void Parking::take(HostObject& object) {
  list(object.thread() == kEveryThread ? kControlThread : object.thread()).remove(object);
  object.waiting_ = false;
}

void Parking::revoke_rest() {
  const auto end_all = [this](HostThread& thread) {
    ObjectList& rest = list(thread.index());
    while (HostObject* object = rest.first()) {
      rest.remove(*object);
      object->slot().end_parked(*object);
    }
  };
  runtime_.barrier(end_all);
  end_all(runtime_.control_thread());
}

std::size_t Parking::size() const {
  std::size_t sum = 0;
  for (const ObjectList& list : lists_) sum += list.size();
  return sum;
}

}  // namespace keel::kernel
