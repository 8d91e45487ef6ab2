// Counters, gauges and histograms: in /metrics as keel_<name>{plugin="..."}. Made on the control
// thread, changed on any. Names [a-z][a-z0-9_]*, counters end in _total; labels `kind="a",x="b"`.
#pragma once

#include <span>

#include "keel/handle.hpp"

namespace keel {

namespace detail {
class MetricContext : public Context {
 public:
  using Context::Context;
  void shut() noexcept override {
    shut_on_control(*this, [](Context& metric) {
      return metric.core.metrics.call(&keel_ext_metrics::remove, metric.core.host,
                                      metric.handle.load());
    });
  }
};
template <class F>
class GaugeContext final : public MetricContext {
 public:
  GaugeContext(Core& of, F f) : MetricContext(of), fn(std::move(f)) {}
  static double read(void* ctx) {
    const Ref<GaugeContext> self(static_cast<GaugeContext*>(ctx));
    if (!self || !self->open()) return 0;
    return guarded(self->core, 0.0, [&] { return static_cast<double>(self->fn()); });
  }
  F fn;
};
}  // namespace detail

class Metric : public Handle {
 public:
  Metric() = default;
  explicit Metric(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}
};

class Counter : public Metric {
 public:
  using Metric::Metric;
  void add(std::uint64_t n = 1) const {
    with([&](detail::Core& core, keel_handle metric) {
      return core.metrics.call(&keel_ext_metrics::add, core.host, metric, n);
    }).ignore();
  }
};
class Gauge : public Metric {
 public:
  using Metric::Metric;
  void add(std::int64_t n) const {
    with([&](detail::Core& core, keel_handle metric) {
      return core.metrics.call(&keel_ext_metrics::add_gauge, core.host, metric, n);
    }).ignore();
  }
  void set(std::int64_t value) const {
    with([&](detail::Core& core, keel_handle metric) {
      return core.metrics.call(&keel_ext_metrics::set, core.host, metric, value);
    }).ignore();
  }
};
class Histogram : public Metric {
 public:
  using Metric::Metric;
  void observe(double value) const {
    with([&](detail::Core& core, keel_handle metric) {
      return core.metrics.call(&keel_ext_metrics::observe, core.host, metric, value);
    }).ignore();
  }
};

class Metrics {
 public:
  explicit Metrics(detail::Core& core) : core_(core) {}

  Result<Counter> counter(const char* name, const char* help, const char* labels = "") const {
    return make<Counter>(detail::make_context<detail::MetricContext>(core_), [&](keel_handle* out) {
      return core_.metrics.call(&keel_ext_metrics::counter, core_.host, name, help, labels, out);
    });
  }
  Result<Gauge> gauge(const char* name, const char* help, const char* labels = "") const {
    return make<Gauge>(detail::make_context<detail::MetricContext>(core_), [&](keel_handle* out) {
      return core_.metrics.call(&keel_ext_metrics::gauge, core_.host, name, help, labels, out);
    });
  }
  // A gauge that is read at each scrape: a number fn(). [control]
  template <class F>
  Result<Metric> gauge_of(const char* name, const char* help, F fn, const char* labels = "") const {
    using Context = detail::GaugeContext<F>;
    auto context = detail::make_context<Context>(core_, std::move(fn));
    void* const ctx = context.get();
    return make<Metric>(std::move(context), [&](keel_handle* out) {
      return core_.metrics.call(&keel_ext_metrics::gauge_fn, core_.host, name, help, labels,
                                keel_gauge_fn(&Context::read), ctx, out);
    });
  }
  Result<Histogram> histogram(const char* name, const char* help, std::span<const double> bounds,
                              const char* labels = "") const {
    return make<Histogram>(
        detail::make_context<detail::MetricContext>(core_), [&](keel_handle* out) {
          return core_.metrics.call(&keel_ext_metrics::histogram, core_.host, name, help, labels,
                                    bounds.data(), static_cast<std::uint32_t>(bounds.size()), out);
        });
  }

 private:
  template <class T, class F>
  Result<T> make(detail::Ref<detail::Context> context, F&& call) const {
    core_.hold(*context);
    keel_handle handle = 0;
    if (const keel_status status = call(&handle); status != KEEL_OK) {
      core_.release(*context);
      return core_.status(status);
    }
    context->handle = handle;
    return T(std::move(context));
  }

  detail::Core& core_;
};

}  // namespace keel
