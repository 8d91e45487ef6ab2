// The commands of `ctl lwm2m` that look and do not touch. Each answers a KEEL_EXIT_*. [control]
#pragma once

#include <keel/host.hpp>

namespace lwm2m {

class Gateway;
class Metrics;

int list(const keel::CtlCall& call, const Gateway& gateway);
int show(const keel::CtlCall& call, const Gateway& gateway);
int objects(const keel::CtlCall& call, const Gateway& gateway);
int queue(const keel::CtlCall& call, const Gateway& gateway);
int observations(const keel::CtlCall& call, const Gateway& gateway);
int stats(const keel::CtlCall& call, const keel::Host& host, const Gateway& gateway,
          Metrics& metrics);

// "there is no device 'x' here"
void no_device(const keel::CtlReply& reply, std::string_view endpoint);

}  // namespace lwm2m
