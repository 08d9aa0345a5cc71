package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WavWriterTest {
  @TempDir Path folder;

  @Test
  void whatIsWrittenIsReadToTheBit() {
    float[] left = new float[5_000];
    float[] right = new float[5_000];
    for (int i = 0; i < left.length; i++) {
      left[i] = (float) Math.sin(i * 0.1);
      right[i] = i / 10_000f;
    }
    Path file = folder.resolve("sound.wav");
    WavWriter.write(Sound.of(22_050, left, right), file);
    Sound read = SoundReader.read(file);
    assertThat(read.rate()).isEqualTo(22_050);
    assertThat(read.channel(0)).isEqualTo(left);
    assertThat(read.channel(1)).isEqualTo(right);
  }
}
