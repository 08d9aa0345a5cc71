package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.demo.DemoRequest;
import wan4j.demo.MotionCheck;
import wan4j.demo.MotionCheck.Color;
import wan4j.demo.MotionCheck.Direction;
import wan4j.media.FrameBuffer;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Videos of several clips: how they meet, what each shows, and going on with them.
final class LongVideoTest {
  private static final Path TEXT_TO_VIDEO = Path.of("demo/checkpoint/t2v");
  private static final Path IMAGE_TO_VIDEO = Path.of("demo/checkpoint/i2v");
  private static final Path BOTH_TO_VIDEO = Path.of("src/test/resources/golden/ckpt/ti2v-tiny");
  private static final Path PICTURE = Path.of("demo/picture.png");
  private static final int FRAMES = DemoRequest.FRAMES;
  private static final int STEPS = 6;

  /// Of the whole range of a colour.
  private static final double LARGEST_JUMP = 0.01;

  /// Of the picture's side: the ball moves by 0.04 a frame.
  private static final double LARGEST_STRIDE = 0.08;

  @TempDir private Path folder;

  /// Notes the clips.
  private static class Clips implements Progress {
    final List<String> told = new ArrayList<>();

    @Override
    public void clip(int number, int clips) {
      told.add(number + " of " + clips);
    }

    @Override
    public void begins(String stage) {}

    @Override
    public void ends(String stage, Duration time) {}

    @Override
    public void stepped(Step step) {}
  }

  @Test
  void aClipOfTextGoesOnFromTheOneBefore() {
    int overlap = 5;
    ClipPlan plan = new ClipPlan(2, overlap, List.of("a red ball moves right"));
    Clips clips = new Clips();
    Tensor frames = demo(TEXT_TO_VIDEO, "a red ball moves left", null, plan, clips);
    assertThat(clips.told).containsExactly("1 of 2", "2 of 2");
    assertThat(frames.length(0)).isEqualTo(2 * FRAMES - overlap);
    requireSeam(frames, Color.RED);
    assertThat(MotionCheck.of(frames.slice(0, FRAMES), Color.RED, Direction.LEFT).passes())
        .isTrue();
    assertThat(
            MotionCheck.of(frames.slice(FRAMES - 1, FRAMES - overlap), Color.RED, Direction.RIGHT)
                .passes())
        .as("the second clip moves as its own prompt says")
        .isTrue();
  }

  @Test
  void aClipOfAPictureGoesOnFromTheLastFrame() {
    ClipPlan plan = new ClipPlan(2, 1, List.of("a yellow star moves left"));
    Picture picture = PictureReader.read(PICTURE);
    Tensor frames = demo(IMAGE_TO_VIDEO, "a yellow star moves right", picture, plan, Progress.NONE);
    assertThat(frames.length(0)).isEqualTo(2 * FRAMES - 1);
    requireSeam(frames, Color.YELLOW);
    assertThat(MotionCheck.of(frames.slice(0, FRAMES), Color.YELLOW, Direction.RIGHT).passes())
        .isTrue();
    assertThat(MotionCheck.of(frames.slice(FRAMES, FRAMES - 1), Color.YELLOW, Direction.LEFT))
        .matches(MotionCheck::passes);
  }

  private static Tensor demo(
      Path checkpoint, String prompt, Picture picture, ClipPlan clips, Progress progress) {
    VideoRequest request = DemoRequest.of(prompt, picture, 20).with(clips);
    FrameBuffer video = new FrameBuffer();
    try (VideoEngine engine =
        VideoEngine.open(new EngineOptions(checkpoint, Device.CPU, false, false))) {
      engine.generate(request.with(request.sampling().withSteps(STEPS)), video, progress);
    }
    return video.frames();
  }

  /// Where the second clip begins neither the mean colours nor the place of what moves jump.
  private static void requireSeam(Tensor frames, Color color) {
    double[] before = means(frames.at(FRAMES - 1));
    double[] after = means(frames.at(FRAMES));
    for (int i = 0; i < before.length; i++) {
      assertThat(Math.abs(after[i] - before[i])).as("colour %d", i).isLessThan(LARGEST_JUMP);
    }
    // the three frames on either side, whose middles are three frames apart
    MotionCheck across = MotionCheck.of(frames.slice(FRAMES - 3, 6), color, Direction.RIGHT);
    assertThat(across.hasColor()).isTrue();
    assertThat(Math.hypot(across.along(), across.across())).isLessThan(3 * LARGEST_STRIDE);
  }

  private static double[] means(Tensor frame) {
    MemorySegment pixels = frame.segment();
    double[] means = new double[3];
    for (long i = 0; i < frame.count(); i++) {
      means[(int) (i % 3)] +=
          (pixels.get(ValueLayout.JAVA_BYTE, i) & 0xFF) / 255.0 / (frame.count() / 3.0);
    }
    return means;
  }

  /// Is cancelled in the second step of a clip.
  private static final class StoppedIn extends Clips {
    private final int clip;
    private int steps;

    StoppedIn(int clip) {
      this.clip = clip;
    }

    @Override
    public void stepped(Step step) {
      steps = step.number();
    }

    @Override
    public boolean isCancelled() {
      return told.size() == clip && steps == 1;
    }
  }

  private static VideoRequest small(Source source, int clips) {
    return VideoRequest.of(
            "a red ball",
            new VideoSize(32, 32, 9),
            Sampling.of(Task.TI2V_5B, 3).withSteps(2).withGuidance(1, 1))
        .with(source)
        .with(new ClipPlan(clips, 5, List.of("a blue ball")));
  }

  @Test
  void aStoppedRunGoesOnInItsClipToTheSameBytes() throws Exception {
    EngineOptions options = new EngineOptions(TEXT_TO_VIDEO, Device.CPU, false, false);
    VideoRequest request = small(Source.TEXT, 3);
    FrameBuffer whole = new FrameBuffer();
    try (VideoEngine engine = VideoEngine.open(options)) {
      engine.generate(request, whole, Progress.NONE);
    }
    Path video = folder.resolve("long.mp4");
    for (int clip = 1; clip <= 3; clip++) {
      Recovery recovery = clip == 1 ? Recovery.beside(video, 1) : Recovery.resumed(video, 1);
      StoppedIn stopped = new StoppedIn(clip);
      try (VideoEngine engine = VideoEngine.open(options)) {
        assertThatThrownBy(() -> engine.generate(request, recovery, _ -> {}, stopped, _ -> {}))
            .isInstanceOf(CancellationException.class);
      }
      assertThat(folder.resolve("long.mp4.latents.2.safetensors").toFile().exists())
          .isEqualTo(clip == 3);
    }
    FrameBuffer resumed = new FrameBuffer();
    Recovery recovery = Recovery.resumed(video, 1);
    try (VideoEngine engine = VideoEngine.open(options)) {
      engine.generate(request, recovery, resumed, Progress.NONE, _ -> {});
    }
    assertThat(resumed.frames().toFloats()).isEqualTo(whole.frames().toFloats());
    recovery.delete();
    try (var left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }

  /// A picture is held by the first clip and the frames before by the others.
  @Test
  void textAndAPictureMakeClipsToo() {
    EngineOptions options = new EngineOptions(BOTH_TO_VIDEO, Device.CPU, false, false);
    try (VideoEngine engine = VideoEngine.open(options)) {
      for (Source source : List.of(Source.TEXT, new Source.Image(PictureReader.read(PICTURE)))) {
        FrameBuffer one = new FrameBuffer();
        engine.generate(small(source, 3).with(ClipPlan.ONE), one, Progress.NONE);
        FrameBuffer three = new FrameBuffer();
        engine.generate(small(source, 3), three, Progress.NONE);
        assertThat(three.frames().length(0)).isEqualTo(9 + 2 * 4);
        assertThat(three.frames().slice(0, 9).toFloats()).isEqualTo(one.frames().toFloats());
      }
    }
  }

  @Test
  void memoryDoesNotGrowWithClips() {
    EngineOptions options =
        new EngineOptions(
            TEXT_TO_VIDEO, Device.CUDA, Arithmetic.BFLOAT16, Quantization.NONE, false, false);
    MemoryNeed two = VideoEngine.need(options, small(Source.TEXT, 2));
    assertThat(VideoEngine.need(options, small(Source.TEXT, 50))).isEqualTo(two);
    assertThat(two.scopes())
        .isGreaterThanOrEqualTo(
            VideoEngine.need(options, small(Source.TEXT, 2).with(ClipPlan.ONE)).scopes());
  }

  @Test
  void clipsThatCannotBeAreRefused() {
    assertThatThrownBy(() -> new ClipPlan(0, 5, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--clips got 0");
    assertThatThrownBy(() -> new ClipPlan(2, 5, List.of("a", "b")))
        .hasMessageContaining("3 prompts were given for --clips 2");
    try (VideoEngine engine =
        VideoEngine.open(new EngineOptions(TEXT_TO_VIDEO, Device.CPU, false, false))) {
      for (int overlap : new int[] {0, 2, 9}) {
        VideoRequest request = small(Source.TEXT, 2).with(new ClipPlan(2, overlap, List.of()));
        assertThatThrownBy(() -> engine.generate(request, _ -> {}, Progress.NONE))
            .isInstanceOf(InputException.class)
            .hasMessageContaining("--clip_overlap got %d for clips of 9 frames".formatted(overlap));
      }
    }
  }
}
