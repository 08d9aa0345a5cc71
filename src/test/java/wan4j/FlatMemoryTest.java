package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.media.PictureReader;
import wan4j.media.SoundFile;
import wan4j.media.SyntheticSpeech;
import wan4j.media.VideoReader;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.media.WavWriter;

/// Nothing of a clip stays in memory outside of the heap: what tensors, codecs and containers have
/// from the C library's `malloc`, counted by it. The frames that one clip hands to the next, kept
/// of each, would pass the allowance.
final class FlatMemoryTest {
  private static final int CLIPS = 6;
  private static final int WARM = 2; // clips after which nearly all code has run
  private static final long ALLOWANCE = 8_000_000; // of the JVM's own: compiled code and its kin

  @TempDir Path folder;

  @Test
  void nineClipsTakeNoMoreThanThree() {
    Path wav = folder.resolve("talk.wav");
    WavWriter.write(SyntheticSpeech.of(3, 16_000, 4), wav);
    Source.Speech source =
        new Source.Speech(
            PictureReader.read(Path.of("demo/picture.png")),
            SyntheticSpeech.of(3, 16_000, 4),
            null,
            new Source.Clips(4, CLIPS, false));
    VideoRequest request =
        VideoRequest.of(
                "a man talks", new VideoSize(64, 64, 5), Sampling.of(Task.S2V_14B, 1).withSteps(1))
            .with(source);
    Counted counted = new Counted();
    Path video = folder.resolve("out.mp4");
    Path checkpoint = Path.of("src/test/resources/golden/s2v-ckpt");
    VideoSettings settings =
        new VideoSettings(16, 20, new SoundFile(wav, source.clips().soundStart()));
    try (VideoEngine engine =
            VideoEngine.open(new EngineOptions(checkpoint, Device.CPU, false, false));
        VideoWriter writer = VideoWriter.open(video, settings)) {
      engine.generate(request, writer, counted);
      writer.finish();
    }
    assertThat(counted.bytes).hasSize(CLIPS);
    assertThat(counted.bytes.getLast() - counted.bytes.get(WARM))
        .as("%s", counted.bytes)
        .isLessThan(ALLOWANCE);
    assertThat(VideoReader.read(video).frames().length(0)).isEqualTo(CLIPS * 4 - 3);
  }

  /// Counts when a clip begins.
  private static final class Counted implements Progress {
    private static final MemoryLayout FIGURES = // mallinfo2 of glibc, malloc.h
        MemoryLayout.sequenceLayout(10, ValueLayout.JAVA_LONG);
    private static final int MAPPED = 4; // hblkhd
    private static final int USED = 7; // uordblks

    private final List<Long> bytes = new ArrayList<>();
    private final MethodHandle figures;

    @SuppressWarnings("restricted")
    Counted() {
      Linker linker = Linker.nativeLinker();
      figures =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("mallinfo2"),
              FunctionDescriptor.of(MemoryLayout.structLayout(FIGURES)));
    }

    @Override
    public void begins(String stage) {}

    @Override
    public void ends(String stage, Duration time) {}

    @Override
    public void stepped(Step step) {}

    @Override
    public void clip(int number, int clips) {
      try (Arena arena = Arena.ofConfined()) {
        var all = (MemorySegment) figures.invokeExact((SegmentAllocator) arena);
        bytes.add(
            all.getAtIndex(ValueLayout.JAVA_LONG, MAPPED)
                + all.getAtIndex(ValueLayout.JAVA_LONG, USED));
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }
  }
}
