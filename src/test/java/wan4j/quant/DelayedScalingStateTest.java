package wan4j.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.golden.GoldenCase;
import wan4j.tensor.Tensor;

class DelayedScalingStateTest {
  static List<GoldenCase> cases() {
    return GoldenCase.all("fp8", "delayed-scaling");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void scalesHistoryAndBytesEqualTransformerEngine(GoldenCase golden) {
    boolean updates = golden.json().get("scale_update").asBoolean();
    int calls = golden.json().get("calls").asInt();
    DelayedScalingState[] states = {new DelayedScalingState(), new DelayedScalingState()};
    Tensor weight = golden.tensor("in.w");
    float[] used = golden.tensor("out.scale_used").toFloats();
    float[] after = golden.tensor("out.scale_after").toFloats();
    float[] amax = floats(golden, "out.amax");
    float[] history = floats(golden, "out.history_after");
    int[] compared = golden.tensor("out.y_calls").toInts();
    for (int call = 0; call < calls; call++) {
      Tensor x = Float8QuantizerTest.bfloat16(golden.tensor("in.x_bits_bf16").at(call));
      Tensor[] inputs = {x, weight};
      Float8Matrix[] quantized = new Float8Matrix[2];
      for (int i = 0; i < 2; i++) {
        DelayedScalingState state = states[i];
        assertThat(state.scale()).isEqualTo(used[2 * call + i]);
        quantized[i] = Float8Quantizer.quantize(inputs[i], state.scale());
        float largest = Float8Quantizer.largestMagnitudes(inputs[i], Granularity.TENSOR)[0];
        assertThat(largest).isEqualTo(amax[2 * call + i]);
        state.record(largest);
        if (updates) {
          state.update();
        }
        assertThat(state.scale()).as("call %d", call).isEqualTo(after[2 * call + i]);
        for (int slot = 0; slot < DelayedScalingState.HISTORY; slot++) {
          assertThat(state.history()[slot])
              .isEqualTo(history[(2 * call + i) * DelayedScalingState.HISTORY + slot]);
        }
      }
      assertThat(Float8QuantizerTest.bytes(quantized[0].values()))
          .isEqualTo(Float8QuantizerTest.bytes(golden.tensor("out.x_fp8").at(call)));
      if (call == 0 || call == calls - 1) {
        String name = call == 0 ? "out.w_fp8_first_call" : "out.w_fp8_last_call";
        assertThat(Float8QuantizerTest.bytes(quantized[1].values()))
            .isEqualTo(Float8QuantizerTest.bytes(golden.tensor(name)));
      }
      for (int i = 0; i < compared.length; i++) {
        if (compared[i] == call) {
          Float8QuantizerTest.assertProduct(
              quantized[0],
              quantized[1],
              golden.tensor("in.bias").toFloats(),
              golden.tensor("out.y").at(i));
        }
      }
    }
  }

  @Test
  void calibrationChoosesTheScaleOfTheFirstRealTensor() {
    DelayedScalingState state = new DelayedScalingState();
    state.calibrate(0f);
    state.calibrate(Float.POSITIVE_INFINITY);
    state.calibrate(Float.NaN);
    assertThat(state.isCalibrated()).isFalse();
    assertThat(state.scale()).isEqualTo(1f);
    state.calibrate(4480f);
    assertThat(state.scale()).isEqualTo(0.1f);
    state.record(4480f);
    state.update();
    assertThat(state.scale()).isEqualTo(0.1f);
    state.calibrate(1f);
    assertThat(state.scale()).isEqualTo(0.1f);
  }

  @Test
  void aMagnitudeIsForgottenAfterSixteenForwards() {
    DelayedScalingState state = new DelayedScalingState();
    state.record(448f);
    state.update();
    for (int i = 0; i < 15; i++) {
      state.record(4.48f);
      state.update();
      assertThat(state.scale()).isEqualTo(1f);
    }
    state.record(4.48f);
    state.update();
    assertThat(state.scale()).isEqualTo(448f / 4.48f);
  }

  private static float[] floats(GoldenCase golden, String name) {
    if (golden.tensors().containsKey(name)) {
      return golden.tensor(name).toFloats();
    }
    int[] bits = golden.tensor(name + "_bits").toInts();
    float[] values = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      values[i] = Float.intBitsToFloat(bits[i]);
    }
    return values;
  }
}
