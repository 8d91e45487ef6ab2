// Commands: their queue, their turn, and that each gets one final answer.
#include <algorithm>

#include "emqx_lwm2m/device/parts.hpp"

namespace lwm2m {
namespace {

// Whether it may be done twice when nobody knows whether it was done once.
bool repeatable(Operation operation) {
  return operation != Operation::execute && operation != Operation::create;
}

Topic topic_of(Channel channel) {
  return channel == Channel::v3 ? Topic::v3_response : Topic::response;
}

}  // namespace

void Device::Parts::command(CommandSource source, std::string_view payload,
                            std::optional<std::uint32_t> expiry) {
  ++counters.commands;
  Waiting waiting{std::string(payload), source, 0, false, false};
  auto parsed = parse(waiting);
  if (!parsed) return;
  if (over) return refuse(waiting, *parsed, Refusal::not_registered);
  std::optional<std::uint32_t> ttl = parsed->ttl_s;
  if (expiry) ttl = std::min(*expiry, ttl.value_or(*expiry));
  waiting.expires = deadline(ttl);
  if (waiting.expires <= now()) return refuse(waiting, *parsed, Refusal::expired);
  if (!current && !queue && reachable()) return begin(std::move(waiting), std::move(*parsed));
  enqueue(std::move(waiting), *parsed);
}

// One that shall not be queued waits behind others, but not for a device that sleeps.
std::int64_t Device::Parts::deadline(std::optional<std::uint32_t> ttl_s) const {
  const std::uint32_t ttl = ttl_s.value_or(settings->queue_ttl_s);
  if (ttl != 0) return now() + std::int64_t{ttl} * 1000;
  if (!queue_mode) return now() + std::int64_t{std::max(settings->queue_ttl_s, 1u)} * 1000;
  return reachable() ? heard + settings->queue_window_ms : 0;
}

void Device::Parts::enqueue(Waiting waiting, const Command& parsed) {
  const std::size_t size = waiting.payload.size();
  const std::size_t count = queue ? queue->all.size() : 0, octets = queue ? queue->octets : 0;
  if (count >= settings->queue_max || octets + size > settings->queue_max_octets)
    return refuse(waiting, parsed, Refusal::queue_full);
  ++counters.queued;
  if (!queue) queue = std::make_unique<Queue>();
  queue->octets += size;
  queue->next_expiry = count == 0 ? waiting.expires : std::min(queue->next_expiry, waiting.expires);
  keep(waiting);
  queue->all.push_back(std::move(waiting));
}

void Device::Parts::keep(Waiting& waiting) {
  if (waiting.source.channel == Channel::operation) return;
  waiting.kept = true;
  outside.changed();
}

void Device::Parts::put_back(Waiting waiting) {
  if (!queue) queue = std::make_unique<Queue>();
  queue->octets += waiting.payload.size();
  queue->next_expiry =
      queue->all.empty() ? waiting.expires : std::min(queue->next_expiry, waiting.expires);
  keep(waiting);
  queue->all.push_front(std::move(waiting));
}

Waiting Device::Parts::take_next() {
  Waiting out = std::move(queue->all.front());
  queue->all.pop_front();
  queue->octets -= out.payload.size();
  if (queue->all.empty()) queue.reset();
  return out;
}

std::optional<Command> Device::Parts::parse(const Waiting& waiting) {
  const ObjectVersions versions = registration.versions();
  auto parsed = parse_command(waiting.payload, types(versions), settings->command);
  if (auto* command = std::get_if<Command>(&parsed)) return std::move(*command);
  ++counters.errors;
  conclude(waiting, std::move(std::get<RefusedCommand>(parsed).reply));
  return std::nullopt;
}

void Device::Parts::begin_next() {
  Waiting next = take_next();
  auto parsed = parse(next);
  if (!parsed) return;
  // It was under way when an earlier program ended.
  if (next.sent && !repeatable(parsed->operation))
    return refuse(next, *parsed, Refusal::timeout, "interrupted");
  begin(std::move(next), std::move(*parsed));
}

void Device::Parts::begin(Waiting waiting, Command command) {
  if (command.operation == Operation::observe && !room_for(command.path))
    return refuse(waiting, command, Refusal::bad_request, "too_many_observations");
  current = std::make_unique<Current>();
  current->waiting = std::move(waiting);
  current->command = std::move(command);
  current->formats = formats_for(current->command);
  const auto problem = ask();
  if (!problem) return;
  const auto failed = std::move(current);
  refuse(failed->waiting, failed->command, problem->why, problem->reason);
}

void Device::Parts::drop_expired() {
  if (!queue || now() < queue->next_expiry) return;
  std::deque<Waiting> expired;
  auto& all = queue->all;
  queue->next_expiry = 0;
  for (auto it = all.begin(); it != all.end();) {
    if (it->expires > now()) {
      queue->next_expiry =
          queue->next_expiry == 0 ? it->expires : std::min(queue->next_expiry, it->expires);
      ++it;
      continue;
    }
    queue->octets -= it->payload.size();
    expired.push_back(std::move(*it));
    it = all.erase(it);
  }
  if (all.empty()) queue.reset();
  for (const Waiting& waiting : expired) refuse(waiting, Refusal::expired);
}

void Device::Parts::refuse(const Waiting& waiting, const Command& parsed, Refusal why,
                           std::string_view reason) {
  std::uint64_t& count = why == Refusal::timeout          ? counters.timeouts
                         : why == Refusal::reset          ? counters.resets
                         : why == Refusal::not_registered ? counters.offline
                         : why == Refusal::queue_full     ? counters.queue_full
                         : why == Refusal::expired        ? counters.queue_expired
                                                          : counters.errors;
  ++count;
  conclude(waiting, refused(parsed, why, reason));
}

void Device::Parts::refuse(const Waiting& waiting, Refusal why) {
  if (const auto parsed = parse(waiting)) refuse(waiting, *parsed, why);
}

void Device::Parts::conclude(const Waiting& waiting, std::string payload) {
  if (waiting.kept) outside.changed();
  if (waiting.source.channel == Channel::operation)
    outside.answered(waiting.source.ticket, std::move(payload));
  else
    tell(waiting.source, std::move(payload));
}

void Device::Parts::tell(const CommandSource& source, std::string payload) {
  if (source.channel == Channel::operation || payload.empty()) return;
  outside.publish(topic_of(source.channel), std::move(payload));
}

void Device::Parts::recall_current() {
  if (!current) return;
  const auto recalled = std::move(current);
  peer->cancel(recalled->id);
  if (recalled->automatic) return;
  // One that restarts the device may well be why it registers again.
  if (!repeatable(recalled->command.operation))
    return refuse(recalled->waiting, recalled->command, Refusal::timeout, "registered_again");
  put_back(std::move(recalled->waiting));
}

void Device::Parts::current_failed(coap::Failure why) {
  const bool timeout = why == coap::Failure::timeout;
  if (timeout && queue_mode) heard = 0;
  const auto failed = std::move(current);
  if (failed->automatic) return automatic_failed(failed->command.path);
  if (failed->command.operation == Operation::cancel_observe) remove(failed->command.path);
  const bool again = timeout && queue_mode && settings->requeue_on_timeout &&
                     failed->waiting.expires > now() &&
                     (!failed->acknowledged || repeatable(failed->command.operation));
  if (again) return put_back(std::move(failed->waiting));
  switch (why) {
    case coap::Failure::timeout:
      return refuse(failed->waiting, failed->command, Refusal::timeout);
    case coap::Failure::reset:
      return refuse(failed->waiting, failed->command, Refusal::reset);
    case coap::Failure::too_large:
      return refuse(failed->waiting, failed->command, Refusal::too_large);
    case coap::Failure::broken_body:
      return refuse(failed->waiting, failed->command, Refusal::broken_body);
  }
}

}  // namespace lwm2m
