package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.EngineOptions.LoraMode;
import wan4j.EngineOptions.Recording;
import wan4j.cuda.bind.Cuda;
import wan4j.demo.DemoRequest;
import wan4j.media.FrameBuffer;

/// The same request gives the same bytes on a GPU, quantised or not, with networks loaded anew.
class SameBytesTest {
  private static final Path CHECKPOINT = Path.of("demo/checkpoint/t2v");
  private static final long SEED = 7;

  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "STORED")
  void anotherEngineMakesTheSameVideo(Quantization.Recipe recipe) {
    byte[] played = frames(recipe, Recording.ALWAYS);
    assertThat(frames(recipe, Recording.ALWAYS)).isEqualTo(played);
    assertThat(frames(recipe, Recording.NEVER)).as("without CUDA graphs").isEqualTo(played);
  }

  private static byte[] frames(Quantization.Recipe recipe, Recording recording) {
    EngineOptions options =
        new EngineOptions(
            CHECKPOINT,
            Device.CUDA,
            Arithmetic.BFLOAT16,
            new Quantization(recipe, List.of()),
            List.of(),
            LoraMode.AUTO,
            Offload.NEVER,
            false,
            recording,
            AttentionSettings.AUTO);
    try (VideoEngine engine = VideoEngine.open(options)) {
      VideoRequest request = DemoRequest.of("a red ball moves to the right", null, SEED);
      FrameBuffer video = new FrameBuffer();
      engine.generate(request, video, Progress.NONE);
      return video.frames().segment().toArray(ValueLayout.JAVA_BYTE);
    }
  }
}
