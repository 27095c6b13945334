// Natural logarithm and its inverse with the same bits on every CPU: libm chooses its code by the
// processor, and a score must not (DESIGN section 1). Plain IEEE additions and products, no
// contraction; within 2 units of the last place of libm's.
#pragma once

#include <span>

namespace winnow {

// REQUIRED: x > 0 and finite, not subnormal.
double natural_log(double x);
// Each number becomes its natural logarithm, the same as one by one. REQUIRED: as above.
void natural_logs(std::span<double> numbers);
// 0 below -708, infinity above 709.
double exponential(double x);

}  // namespace winnow
