package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
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
    Sound sound = SoundReader.read(file);
    assertThat(sound.channels()).isEqualTo(2);
    assertThat(sound.mono().channel(0))
        .containsExactly(2000 / 32768f, -1, 16384 / 32768f, 1 / 32768f);
    short[] longer = Arrays.copyOf(samples, 1000);
    Files.write(file, wave(16_000, 2, longer));
    assertThat(SoundReader.readSpeech(file))
        .hasSize(500)
        .startsWith(2000 / 32768f, -1, 16384 / 32768f, 1 / 32768f, 0);
  }

  @Test
  void speechIsThatOfTheReferencesResampler() throws IOException {
    Path file = Files.write(folder.resolve("a.wav"), resource("reference-48k.wav"));
    float[] speech = SoundReader.readSpeech(file);
    FloatBuffer expected =
        ByteBuffer.wrap(resource("reference-16k.f32"))
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer();
    assertThat(speech).hasSize(4000);
    // The last ones depend on what the reference had behind them.
    double difference = 0;
    double square = 0;
    for (int i = 0; i < 3900; i++) {
      difference += Math.pow(speech[i] - expected.get(i), 2);
      square += Math.pow(expected.get(i), 2);
    }
    assertThat(square).isGreaterThan(1);
    assertThat(Math.sqrt(difference / square)).isLessThan(1e-4);
  }

  @ParameterizedTest
  @ValueSource(ints = {8000, 11_025, 16_000, 22_050, 44_100, 44_101, 96_000, 191_999, 768_000})
  void anyRateBecomesSpeechInBlocksOfAnySize(int rate) {
    float[] tone = tone(1000, rate, rate / 4);
    float[] whole = Sound.of(rate, tone).at(16_000).channel(0);
    float[] expected = tone(1000, 16_000, 4000);
    assertThat(whole).hasSize((int) Math.ceilDiv(tone.length * 16_000L, (long) rate));
    for (int i = 300; i < 3700; i++) {
      assertThat(whole[i]).isCloseTo(expected[i], within(3e-5f));
    }
    SoundResampler resampler = new SoundResampler(rate, 16_000);
    Random random = new Random(rate);
    float[] blocks = new float[whole.length];
    int made = 0;
    for (int at = 0; at < tone.length; ) {
      int count = Math.min(1 + random.nextInt(5000), tone.length - at);
      float[] part = resampler.add(Arrays.copyOfRange(tone, at, at + count), count);
      System.arraycopy(part, 0, blocks, made, part.length);
      made += part.length;
      at += count;
    }
    float[] last = resampler.finish();
    System.arraycopy(last, 0, blocks, made, last.length);
    assertThat(made + last.length).isEqualTo(whole.length);
    assertThat(blocks).isEqualTo(whole);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tone.mp3", "tone.flac", "tone.ogg", "tone.opus", "tone.m4a"})
  void everyUsualFormatIsRead(String name) throws IOException {
    Sound sound = SoundReader.read(Files.write(folder.resolve(name), resource(name)));
    assertThat(sound.channels()).isEqualTo(2);
    assertThat(sound.seconds()).isCloseTo(0.5, within(0.015));
    for (int channel = 0; channel < 2; channel++) {
      // whole periods from the middle
      float[] samples =
          Arrays.copyOfRange(sound.channel(channel), sound.rate() / 10, sound.rate() * 2 / 5);
      assertThat(share(samples, 440 * (channel + 1), sound.rate())).isGreaterThan(0.97);
      // LAME makes sounds 5 % weaker
      assertThat(strength(samples)).isCloseTo(0.5 / (channel + 1) / Math.sqrt(2), within(0.02));
    }
  }

  @Test
  void damageInTheMiddleIsRefusedAndAtTheEndsPassedOver() throws IOException {
    byte[] whole = resource("tone.mp3");
    Path file = folder.resolve("a.mp3");
    byte[] damaged = whole.clone();
    Arrays.fill(damaged, 3000, 4500, (byte) 0);
    Files.write(file, damaged);
    assertThatThrownBy(() -> SoundReader.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a.mp3 is damaged after 0.2 s");
    Files.write(file, Arrays.copyOf(whole, whole.length - 100));
    assertThat(SoundReader.read(file).seconds()).isCloseTo(0.5, within(0.03));
    Files.write(file, Arrays.copyOfRange(whole, 700, whole.length));
    assertThat(SoundReader.read(file).seconds()).isCloseTo(0.5, within(0.06));
  }

  @Test
  void speechOfOneSampleIsRefused() throws IOException {
    Path file = Files.write(folder.resolve("a.wav"), wave(44_100, 1, new short[] {5}));
    assertThat(SoundReader.read(file).length()).isEqualTo(1);
    assertThatThrownBy(() -> SoundReader.readSpeech(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a.wav holds 1 samples of sound, less than the 25 ms");
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

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = SoundTest.class.getResourceAsStream("/sound/" + name)) {
      return in.readAllBytes();
    }
  }

  /// Returns the share of a sound's strength that lies in one frequency.
  private static double share(float[] samples, double hertz, int rate) {
    double sine = 0;
    double cosine = 0;
    for (int i = 0; i < samples.length; i++) {
      sine += samples[i] * Math.sin(2 * Math.PI * hertz * i / rate);
      cosine += samples[i] * Math.cos(2 * Math.PI * hertz * i / rate);
    }
    return Math.hypot(sine, cosine) * Math.sqrt(2) / samples.length / strength(samples);
  }

  private static double strength(float[] samples) {
    double sum = 0;
    for (float sample : samples) {
      sum += sample * sample;
    }
    return Math.sqrt(sum / samples.length);
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
