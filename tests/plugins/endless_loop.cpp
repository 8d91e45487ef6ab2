// Never comes back from a message to `loop`.
#define ZOO_NAME "endless_loop"
#define ZOO_START return start();
#include <time.h>

#include <string_view>

#include "keel/ext/hooks.h"

static keel_status start();
#include "zoo.h"

static int32_t on_publish(void*, const keel_message_view* message, keel_publish_answer*) {
  const timespec wait{0, 10'000'000};
  while (std::string_view(message->topic.data, message->topic.size) == "loop")
    nanosleep(&wait, nullptr);
  return KEEL_NEXT;
}

static keel_status start() {
  keel_handle out = 0;
  return static_cast<const keel_ext_hooks*>(table(KEEL_EXT_HOOKS))
      ->add(host, KEEL_HOOK_MESSAGE_PUBLISH, 0, 1, reinterpret_cast<keel_hook_fn>(on_publish),
            nullptr, &out);
}
