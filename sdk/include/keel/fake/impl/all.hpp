// All definitions of FakeHost's functions. Included by keel/fake.hpp; see keel/fake/impl/fn.hpp.
#pragma once

#include "keel/fake/impl/admin.hpp"
#include "keel/fake/impl/basics.hpp"
#include "keel/fake/impl/hooks.hpp"
#include "keel/fake/impl/host.hpp"
#include "keel/fake/impl/kernel.hpp"
#include "keel/fake/impl/kv.hpp"
#include "keel/fake/impl/messages.hpp"
#include "keel/fake/impl/session_table.hpp"
#include "keel/fake/impl/sessions.hpp"
#include "keel/fake/impl/settings.hpp"
#include "keel/fake/impl/store.hpp"
#include "keel/fake/impl/streams.hpp"
#include "keel/fake/impl/tcp.hpp"
#include "keel/fake/impl/tcp_table.hpp"
#include "keel/fake/impl/udp.hpp"
