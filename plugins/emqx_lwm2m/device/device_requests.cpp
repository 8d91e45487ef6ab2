// What the device asks of us: Update, De-register, Send; and all that it gets an error for.
#include "emqx_lwm2m/device/parts.hpp"

namespace lwm2m {

void Device::requested(const coap::Incoming& request) {
  Parts& p = *parts_;
  p.hear();
  const auto& path = request.path;
  const std::string_view first = path.empty() ? std::string_view() : path[0];
  if (first == "rd" && path.size() == 1) {
    if (request.method != coap::kPost) return p.reply_with(request, coap::kMethodNotAllowed);
    if (p.over || !on_register) return p.reply_with(request, coap::kUnavailable);
    return on_register(on_register_context, *this, request);
  }
  if (first == "rd" && path.size() == 2 && path[1] == p.location && !p.over)
    return p.on_own_location(request);
  if (first == "dp" && path.size() == 1) {
    if (request.method != coap::kPost) return p.reply_with(request, coap::kMethodNotAllowed);
    return p.on_send(request);
  }
  if (first == ".well-known" && path.size() == 2 && path[1] == "core") {
    if (request.method != coap::kGet) return p.reply_with(request, coap::kMethodNotAllowed);
    coap::Reply reply;
    reply.code = coap::kContent;
    reply.content_format = kLinkFormat;
    reply.payload = "</rd>;rt=\"core.rd\",</dp>";
    p.peer->reply(request.ticket, reply);
    return;
  }
  p.reply_with(request, coap::kNotFound);
}

void Device::Parts::reply_with(const coap::Incoming& request, coap::Code code) {
  coap::Reply reply;
  reply.code = code;
  peer->reply(request.ticket, reply);
}

void Device::Parts::on_own_location(const coap::Incoming& request) {
  if (request.method == coap::kPost) return on_update(request);
  if (request.method != coap::kDelete) return reply_with(request, coap::kMethodNotAllowed);
  reply_with(request, coap::kDeleted);
  ++counters.deregisters;
  finish(Refusal::not_registered, Event::deregistered);
  outside.over();
}

void Device::Parts::on_update(const coap::Incoming& request) {
  auto parsed = parse_update(registration.unpack(), request.queries, request.content_format,
                             request.payload, settings->registration);
  if (const auto* problem = std::get_if<RegistrationProblem>(&parsed))
    return reply_with(request, problem->code);
  reply_with(request, coap::kChanged);
  ++counters.updates;
  auto& updated = std::get<Updated>(parsed);
  PackedRegistration before = std::exchange(registration, PackedRegistration(updated.registration));
  lifetime_s = updated.registration.lifetime_s;
  queue_mode = updated.registration.queue_mode();
  restart_lifetime();
  const bool same = before == registration;
  if (updated.with_objects && !same) {
    drop_vanished();
    plan_observations();
  }
  if (!same) outside.changed();
  if (settings->update_reports == UpdateReports::always || updated.with_objects)
    outside.publish(Topic::updated, event(Event::updated, updated.registration));
}

void Device::Parts::on_send(const coap::Incoming& request) {
  if (over) return reply_with(request, coap::kNotFound);
  const auto format = modern(request.content_format.value_or(kNoFormat));
  if (format != kSenmlJson && format != kSenmlCbor)
    return reply_with(request, coap::kUnsupportedFormat);
  const ObjectVersions versions = registration.versions();
  const auto decoded = decode(format, request.payload, Path(), types(versions), outside.unix_s());
  if (!decoded) return reply_with(request, coap::kBadRequest);
  reply_with(request, coap::kChanged);
  ++counters.sends;
  outside.publish(Topic::notify, sent(*decoded, types(versions), settings->reply));
}

}  // namespace lwm2m
