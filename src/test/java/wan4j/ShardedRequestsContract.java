package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.EngineOptions.LoraMode;
import wan4j.Ranks.WeightShards;
import wan4j.media.CharacterVideos;
import wan4j.media.FrameBuffer;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.lora.RandomLora;

/// Ranks that divide the weights of a request's networks make the bytes that they make with all
/// weights on each: on every device, in every layout, whatever is skipped or added.
abstract class ShardedRequestsContract {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");

  @TempDir Path folder;

  /// Returns how one rank makes a checkpoint's videos.
  abstract EngineOptions options(
      Path checkpoint,
      Quantization quantization,
      List<LoraFile> loras,
      LoraMode mode,
      Offload offload);

  /// Returns so many ranks.
  Ranks ranks(int count) {
    return Ranks.of(count);
  }

  /// Returns the largest number of ranks.
  int most() {
    return 8;
  }

  private EngineOptions plain(Path checkpoint) {
    return options(checkpoint, Quantization.STORED, List.of(), LoraMode.AUTO, Offload.NEVER);
  }

  private void requireSame(EngineOptions options, int count, VideoRequest... requests) {
    assumeTrue(count <= most(), () -> "there are %d GPUs".formatted(most()));
    List<float[]> whole = made(options, new WeightShards(false, false), count, requests);
    List<float[]> divided = made(options, new WeightShards(true, true), count, requests);
    for (int i = 0; i < requests.length; i++) {
      assertThat(divided.get(i)).as("request %d", i).isEqualTo(whole.get(i));
    }
  }

  private List<float[]> made(
      EngineOptions options, WeightShards shards, int count, VideoRequest... requests) {
    List<float[]> made = new ArrayList<>();
    try (VideoEngine engine = VideoEngine.open(options.with(ranks(count).sharding(shards)))) {
      for (VideoRequest request : requests) {
        FrameBuffer frames = new FrameBuffer();
        engine.generate(request, frames, Progress.NONE);
        made.add(frames.frames().toFloats());
      }
    }
    return made;
  }

  private static VideoRequest text(Sampling sampling) {
    return VideoRequest.of("a red ball moves left", new VideoSize(32, 32, 5), sampling);
  }

  private static Sampling steps(int steps) {
    return Sampling.of(Task.T2V_A14B, 1).withSteps(steps);
  }

  /// Both experts, of which only one stays; steps that are skipped gather nothing, and where
  /// guidance is gated one half waits while the other goes on.
  @Test
  void halvesOfGuidance() {
    requireSame(
        options(DEMO, Quantization.STORED, List.of(), LoraMode.AUTO, Offload.ALWAYS),
        2,
        text(steps(4).withGuidance(4, 3).withGate(0.4)),
        text(steps(4).withGuidance(4, 3)).withCache(new CacheSettings.MagCache(1, 2, 0.2, null)));
  }

  /// A scale of a whole weight, with what forwards have seen before.
  @Test
  void ranksOfOneForwardInFloat8WithLorasBeside() {
    LoraFile lora = lora();
    Quantization delayed = new Quantization(Quantization.Recipe.DELAYED, List.of("blocks.1.ffn.2"));
    requireSame(
        options(DEMO, delayed, List.of(), LoraMode.SIDE, Offload.NEVER),
        5,
        text(steps(1).withGuidance(1, 1)).withLoras(List.of(lora)),
        text(steps(1).withGuidance(1, 1)));
  }

  @Test
  void mergedLoras() {
    requireSame(
        options(DEMO, Quantization.STORED, List.of(lora()), LoraMode.MERGE, Offload.NEVER),
        2,
        text(steps(1).withGuidance(4, 3)));
  }

  private LoraFile lora() {
    try (Checkpoint checkpoint = Checkpoint.open(DEMO)) {
      Path file =
          RandomLora.write(
              folder.resolve("lora.safetensors"), checkpoint.transformer(Expert.HIGH_NOISE), 4, 1);
      return new LoraFile(file, 1, LoraFile.Target.ALL);
    }
  }

  @Test
  void aCharacter() throws java.io.IOException {
    Path checkpoint = TinyAnimate.checkpoint(Files.createDirectory(folder.resolve("checkpoint")));
    Path driving = TinyAnimate.folder(folder.resolve("driving"), 5, true, false);
    CharacterVideos videos = CharacterVideos.open(driving, true, _ -> {});
    try {
      requireSame(
          plain(checkpoint),
          2,
          VideoRequest.of(
                  "moves",
                  new VideoSize(64, 32, 5),
                  Sampling.of(Task.ANIMATE_14B, 1).withSteps(1).withGuidance(1, 1))
              .with(new Source.Animation(videos, 1)));
    } finally {
      videos.close();
    }
  }
}
