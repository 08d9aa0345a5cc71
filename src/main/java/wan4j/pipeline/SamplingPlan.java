package wan4j.pipeline;

import java.util.EnumMap;
import java.util.HashSet;
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
  /// with both branches and with one, and the solver has what it keeps.
  public SamplingPlan shortened(Experts experts) {
    Set<Work> all = in(steps).works(experts);
    int few = Math.min(steps, ENOUGH_STEPS);
    while (few < steps && !in(few).works(experts).equals(all)) {
      few++;
    }
    return in(few);
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

  private SamplingPlan in(int count) {
    return new SamplingPlan(sampler, count, shift, lowGuidance, highGuidance, gate);
  }

  /// What a step is: an expert's, with the negative prompt or without.
  private record Work(Expert expert, boolean isGated) {}

  private Set<Work> works(Experts experts) {
    FlowSchedule schedule = sampler.schedule(steps, shift);
    Set<Work> works = new HashSet<>();
    Expert before = null;
    for (int step = 0; step < schedule.steps(); step++) {
      Expert expert = experts.at(schedule.timestep(step));
      works.add(new Work(expert, isGated(step) && expert == before));
      before = expert;
    }
    return works;
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
