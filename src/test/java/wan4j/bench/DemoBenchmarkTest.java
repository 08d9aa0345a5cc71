package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import wan4j.bench.measure.Measurement;
import wan4j.demo.DemoTask;
import wan4j.demo.MotionCheck;
import wan4j.demo.MotionCheck.Color;
import wan4j.demo.MotionCheck.Direction;
import wan4j.demo.MotionPrompt;
import wan4j.demo.MotionPrompt.Ground;
import wan4j.demo.MotionPrompt.Size;
import wan4j.demo.MouthCheck;
import wan4j.demo.PromptCheck;
import wan4j.demo.ShapeCheck;
import wan4j.demo.ShapeCheck.Shape;
import wan4j.demo.SpeechCheck;

final class DemoBenchmarkTest {
  private static final MotionCheck MOVES = new MotionCheck(0.05, 0.4, 0.01);
  private static final MotionCheck STANDS = new MotionCheck(0.05, 0, 0);
  private static final MotionCheck NOTHING = new MotionCheck(0, 0, 0);

  private static PromptCheck check(MotionCheck motion, Shape seen, double share) {
    MotionPrompt prompt =
        new MotionPrompt("a", Color.RED, Direction.LEFT, Shape.STAR, Size.LARGE, Ground.BLACK);
    return new PromptCheck(prompt, motion, new ShapeCheck(seen, share));
  }

  @Test
  void eachPropertyIsCountedByItself() {
    List<PromptCheck> checks =
        List.of(
            check(MOVES, Shape.STAR, 0.9),
            check(STANDS, Shape.STAR, 0.4),
            check(MOVES, Shape.BALL, 1),
            check(NOTHING, null, 0),
            check(MOVES, Shape.STAR, 0.2));
    assertThat(DemoBenchmark.results(DemoTask.TI2V, checks, 20, 1.5))
        .extracting(Measurement::metric, Measurement::unit, Measurement::median)
        .containsExactly(
            tuple("colour", "%", 80.0),
            tuple("colour and direction", "%", 60.0),
            tuple("shape", "%", 40.0),
            tuple("a video", "s", 1.5));
  }

  @Test
  void speechIsToldByTheMedianAndTheLeastCorrelation() {
    List<SpeechCheck> checks =
        Stream.of(0.9, 0.5, 0.875, 0.75)
            .map(found -> new SpeechCheck("a", new MouthCheck(found)))
            .toList();
    assertThat(DemoBenchmark.speech(checks, 20, 2.5))
        .extracting(Measurement::metric, Measurement::unit, Measurement::median)
        .containsExactly(
            tuple("median correlation", "", 0.8125),
            tuple("least correlation", "", 0.5),
            tuple("a video", "s", 2.5));
  }
}
