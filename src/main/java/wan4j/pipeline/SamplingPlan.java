package wan4j.pipeline;

import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import wan4j.schedule.FlowSchedule;
import wan4j.schedule.Sampler;
import wan4j.weights.Expert;

/// How a sample is denoised: the solver, its steps and shift, and how strongly each expert follows
/// the prompt; after the share `gate` of the steps guidance goes by the difference that the
/// branches had before, as long as the expert stays.
public record SamplingPlan(
    Sampler sampler,
    int steps,
    double shift,
    double lowGuidance,
    double highGuidance,
    double gate) {
  /// Steps after which a solver keeps as much of earlier ones as after any number.
  public static final int ENOUGH_STEPS = 4;

  /// Guidance looks at the negative prompt in every step.
  public SamplingPlan(
      Sampler sampler, int steps, double shift, double lowGuidance, double highGuidance) {
    this(sampler, steps, shift, lowGuidance, highGuidance, 1);
  }

  /// Says whether the negative prompt's forward may be left out at a step.
  boolean isGated(int step) {
    return step >= gate * steps;
  }

  /// Returns this plan in the fewest steps that need the memory of them all: the same experts work,
  /// and the solver has what it keeps.
  public SamplingPlan shortened(Experts experts) {
    Set<Expert> all = working(experts, steps);
    int few = Math.min(steps, ENOUGH_STEPS);
    while (few < steps && !working(experts, few).equals(all)) {
      few++;
    }
    return new SamplingPlan(sampler, few, shift, lowGuidance, highGuidance, gate);
  }

  private Set<Expert> working(Experts experts, int steps) {
    return new SamplingPlan(sampler, steps, shift, lowGuidance, highGuidance, gate)
        .stepsOf(experts)
        .keySet();
  }

  /// Returns in how many steps each expert works that works at all.
  public Map<Expert, Integer> stepsOf(Experts experts) {
    FlowSchedule schedule = sampler.schedule(steps, shift);
    Map<Expert, Integer> working = new EnumMap<>(Expert.class);
    for (int step = 0; step < schedule.steps(); step++) {
      working.merge(experts.at(schedule.timestep(step)), 1, Integer::sum);
    }
    return working;
  }

  /// Says whether any expert looks at the negative prompt.
  public boolean isGuided() {
    return lowGuidance != 1 || highGuidance != 1;
  }

  /// Returns the guidance scale of an expert.
  public double guidance(Expert expert) {
    return switch (expert) {
      case HIGH_NOISE -> highGuidance;
      case LOW_NOISE, SINGLE -> lowGuidance;
    };
  }
}
