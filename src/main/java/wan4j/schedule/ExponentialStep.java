package wan4j.schedule;

/// One step of an exponential integrator from the noise level of step `from` to that of step `to`:
/// the sample is multiplied by `sampleFactor`, and `cleanFactor` times the clean sample is added.
///
/// @param length the step's length in half the logarithm of the signal-to-noise ratio, ∞ when it
///   ends at noise level 0
record ExponentialStep(
    FlowSchedule schedule, int from, double sampleFactor, double cleanFactor, double length) {

  static ExponentialStep between(FlowSchedule schedule, int from, int to) {
    double start = schedule.sigma(from);
    double end = schedule.sigma(to);
    double length = schedule.logRatio(to) - schedule.logRatio(from);
    double signal = 1f - schedule.sigma(to);
    return new ExponentialStep(schedule, from, end / start, -signal * Math.expm1(-length), length);
  }

  /// Returns where the noise level of another step lies from this step's start, in step lengths:
  /// negative for earlier ones.
  double ratioOf(int step) {
    return (schedule.logRatio(step) - schedule.logRatio(from)) / length;
  }
}
