// Whether a series of memory readings grows. Single readings jump (the allocator, the log), so the
// slope is the median over all pairs of readings (Theil and Sen), which a third of outliers cannot
// move.
#pragma once

#include <vector>

namespace keel::check {

struct Trend {
  double per_step = 0;  // the slope
  double total = 0;     // median of the last quarter less that of the first
};

// The first quarter of the readings is left out: caches and pools fill then.
Trend trend_of(const std::vector<double>& readings);

double median(std::vector<double> values);  // 0 of none

}  // namespace keel::check
