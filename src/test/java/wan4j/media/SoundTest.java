package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.InputException;

final class SoundTest {
  @TempDir Path folder;

  @Test
  void aToneKeepsItsPhaseAndItsTailAtAnotherRate() {
    float[] original = tone(1000, 44_100, 44_100);
    float[] expected = tone(1000, 16_000, 16_000);
    float[] speech = Sound.of(44_100, original).at(16_000).channel(0);
    assertThat(speech).hasSize(16_000);
    // The filter sees silence beyond both ends, so only the middle is compared sample by sample.
    for (int i = 200; i < 15_800; i++) {
      assertThat(speech[i]).isCloseTo(expected[i], within(2e-5f));
    }
  }

  @Test
  void whatLiesAboveTheNewNyquistFrequencyVanishes() {
    float[] speech = Sound.of(48_000, tone(9000, 48_000, 48_000)).at(16_000).channel(0);
    for (int i = 200; i < 15_800; i++) {
      assertThat(speech[i]).isCloseTo(0, within(1e-5f));
    }
  }

  @Test
  void aWaveFileOfTwoChannelsBecomesTheirMean() throws IOException {
    Path file = folder.resolve("a.wav");
    short[] samples = {1000, 3000, -32768, -32768, 32767, 1, 0, 2};
    Files.write(file, wave(16_000, 2, samples));
    assertThat(SoundReader.read(file).channels()).isEqualTo(2);
    assertThat(SoundReader.readSpeech(file))
        .containsExactly(2000 / 32768f, -1, 16384 / 32768f, 1 / 32768f);
  }

  @Test
  void aVideoWithoutSoundAndTextAreRefusedInOneSentence() throws IOException {
    Path silent = folder.resolve("a.mkv");
    VideoWriter.write(VideoRoundTripTest.moving(2, 16, 16), silent, VideoSettings.silent(16));
    assertThatThrownBy(() -> SoundReader.read(silent))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds no sound");
    Path text = Files.writeString(folder.resolve("a.wav"), "la la la");
    assertThatThrownBy(() -> SoundReader.read(text))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a.wav");
  }

  @Test
  void channelsOfDifferentLengthsAreRefused() {
    assertThatThrownBy(() -> Sound.of(8000, new float[3], new float[4]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("3 and 4");
  }

  private static float[] tone(double hertz, int rate, int length) {
    float[] samples = new float[length];
    for (int i = 0; i < length; i++) {
      samples[i] = (float) (0.5 * Math.sin(2 * Math.PI * hertz * i / rate));
    }
    return samples;
  }

  private static byte[] wave(int rate, int channels, short[] samples) {
    ByteBuffer file = ByteBuffer.allocate(44 + samples.length * 2).order(ByteOrder.LITTLE_ENDIAN);
    file.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + samples.length * 2);
    file.put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16);
    file.putShort((short) 1).putShort((short) channels).putInt(rate).putInt(rate * channels * 2);
    file.putShort((short) (channels * 2)).putShort((short) 16);
    file.put("data".getBytes(StandardCharsets.US_ASCII)).putInt(samples.length * 2);
    file.asShortBuffer().put(samples);
    return file.array();
  }
}
