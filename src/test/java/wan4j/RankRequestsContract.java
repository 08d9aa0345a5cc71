package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.media.CharacterVideos;
import wan4j.media.FrameBuffer;
import wan4j.media.Picture;
import wan4j.media.SyntheticSpeech;

/// A request that ranks make together is the video that one makes, told of once: on every device
/// and with every kind of exchange.
abstract class RankRequestsContract {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");

  @TempDir Path folder;

  /// Returns how one rank makes a checkpoint's videos.
  abstract EngineOptions options(Path checkpoint);

  /// Returns so many ranks.
  Ranks ranks(int count) {
    return Ranks.of(count);
  }

  /// Returns the largest number of ranks.
  int most() {
    return 8;
  }

  /// What a request came to: its frames, and what was told of it.
  @SuppressWarnings("ArrayRecordComponent") // compared by their elements
  private record Made(float[] frames, List<String> told) {
    static Made of(EngineOptions options, VideoRequest request) {
      FrameBuffer frames = new FrameBuffer();
      ToldProgress progress = new ToldProgress();
      try (VideoEngine engine = VideoEngine.open(options)) {
        engine.generate(request, frames, progress);
      }
      return new Made(frames.frames().toFloats(), progress.told);
    }
  }

  private static final class ToldProgress implements Progress {
    private final List<String> told = new ArrayList<>();

    @Override
    public void begins(String stage) {
      told.add(stage);
    }

    @Override
    public void ends(String stage, java.time.Duration time) {}

    @Override
    public void stepped(Step step) {
      told.add(
          "%d of %d, %d of %d"
              .formatted(step.number(), step.steps(), step.skipped(), step.forwards()));
    }
  }

  private void requireSame(Path checkpoint, VideoRequest request, int... counts) {
    EngineOptions options = options(checkpoint);
    Made alone = Made.of(options, request);
    for (int count : counts) {
      assumeTrue(count <= most(), () -> "there are %d GPUs".formatted(most()));
      Made together = Made.of(options.with(ranks(count)), request);
      // a number at the edge of two bytes may fall to either side
      assertThat(furthest(together.frames, alone.frames)).as("of %d", count).isLessThan(2);
      assertThat(together.told).isEqualTo(alone.told);
    }
  }

  private static double furthest(float[] got, float[] expected) {
    assertThat(got).hasSize(expected.length);
    double most = 0;
    for (int i = 0; i < got.length; i++) {
      most = Math.max(most, Math.abs(got[i] - expected[i]));
    }
    return most;
  }

  /// Two ranks take a branch each, five a head each; 17 frames are decoded by two in turn, and by
  /// one of five.
  @ParameterizedTest
  @CsvSource({"none", "magcache", "easycache", "gate"})
  void textToVideo(String skips) {
    Sampling sampling = Sampling.of(Task.T2V_A14B, 1).withSteps(4).withGuidance(4, 3);
    VideoRequest request =
        VideoRequest.of(
                "a red ball moves left",
                new VideoSize(32, 32, 17),
                skips.equals("gate") ? sampling.withGate(0.4) : sampling)
            .withCache(
                switch (skips) {
                  case "magcache" -> new CacheSettings.MagCache(1, 2, 0.2, null);
                  case "easycache" -> new CacheSettings.EasyCache(100, 1);
                  default -> new CacheSettings.Off();
                });
    if (skips.equals("none")) {
      requireSame(DEMO, request, 2, 5);
    } else {
      requireSame(DEMO, request, 2);
    }
  }

  @Test
  void imageToVideo() {
    byte[] pixels = new byte[3 * 32 * 32];
    new java.util.Random(1).nextBytes(pixels);
    VideoRequest request =
        VideoRequest.of(
                "a ball",
                new VideoSize(32, 32, 17),
                Sampling.of(Task.I2V_A14B, 1).withSteps(2).withGuidance(4, 1))
            .withImage(new Picture(32, 32, pixels));
    requireSame(Path.of("demo/checkpoint/i2v"), request, 2);
  }

  /// The second clip sees the last frames of the first, which only one rank hands over; three ranks
  /// a branch have a head each.
  @Test
  void speechToVideoInClips() {
    byte[] pixels = new byte[3 * 64 * 64];
    new java.util.Random(2).nextBytes(pixels);
    Source source =
        new Source.Speech(
            new Picture(64, 64, pixels),
            SyntheticSpeech.of(0.9, 16_000, 1),
            null,
            new Source.Clips(8, 2, false));
    VideoRequest request =
        VideoRequest.of(
                "speaks",
                new VideoSize(64, 64, 5),
                Sampling.of(Task.S2V_14B, 1).withSteps(1).withGuidance(4, 4))
            .with(source);
    requireSame(Path.of("src/test/resources/golden/s2v-ckpt"), request, 6);
  }

  /// Each rank has some of 40 heads, and all look at the driving video.
  @Test
  void characterAnimationInClips() throws java.io.IOException {
    Path checkpoint =
        TinyAnimate.checkpointOfManyHeads(Files.createDirectory(folder.resolve("checkpoint")));
    Path driving = TinyAnimate.folder(folder.resolve("driving"), 9, true, false);
    CharacterVideos videos = CharacterVideos.open(driving, true, _ -> {});
    try {
      Sampling sampling = Sampling.of(Task.ANIMATE_14B, 1).withSteps(1);
      VideoRequest request =
          VideoRequest.of("moves", new VideoSize(64, 32, 5), sampling.withGuidance(1, 1))
              .with(new Source.Animation(videos, 1));
      requireSame(checkpoint, request, 5, 8);
      requireSame(checkpoint, request.with(sampling.withGuidance(4, 4)), 4);
    } finally {
      videos.close();
    }
  }

  /// A clip goes on from the one before, of a network with three heads and the autoencoder of 16 x
  /// 16 pixels a latent one: on two halves of three ranks, which cannot share a forward when
  /// guidance is gated, and on three.
  @Test
  void textAndImageToVideoInClips() {
    byte[] pixels = new byte[3 * 64 * 32];
    new java.util.Random(3).nextBytes(pixels);
    VideoRequest request =
        VideoRequest.of(
                "a ball",
                new VideoSize(64, 32, 9),
                Sampling.of(Task.TI2V_5B, 1).withSteps(2).withGuidance(4, 4).withGate(0.5))
            .with(new ClipPlan(2, 5, List.of("a blue ball")));
    Path checkpoint = Path.of("src/test/resources/golden/ckpt/ti2v-tiny");
    requireSame(checkpoint, request, 6);
    requireSame(checkpoint, request.withImage(new Picture(64, 32, pixels)), 3);
  }
}
