// The Verilated design as the plant sees it: its clock, the array's side of its pins, and the converters' answers.
//
// Every clock cycle is `settle` (inputs are set, clock low, outputs are looked at) and `edge` (clock high). Pulses are logged and
// read charges integrated here; Python is called when an array must be updated or read, which is once or twice an operation.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pins.hpp"
#include "verilated.h"
#ifdef CROSSTWIN_TRACE
#include "verilated_vcd_c.h"
#endif

namespace crosstwin {

constexpr uint64_t kNever = ~uint64_t{0};

// The traffic of a run: what the bus master did, and what the converters answered.
struct Tape {
    enum Kind : uint32_t { kWrite, kRead, kWait };
    struct Access {
        Kind kind;
        uint32_t address, value, strobe;
    };
    struct Beat {
        int32_t delay;
        uint64_t data[kBeatWords];
    };
    std::vector<Access> accesses;
    std::vector<Beat> beats;
    struct Read {
        size_t first;
        int count;
    };
    std::vector<Read> reads;
    uint64_t clocks = 0;  // at the start, then how many there were
};

class ArraySide {
public:
    ArraySide(Shared* shared, Callback callback) : s(*shared), callback(callback), top(&context, "controller") {}

#ifdef CROSSTWIN_TRACE
    void trace(const char* path) {
        context.traceEverOn(true);
        waves = std::make_unique<VerilatedVcdC>();
        top.trace(waves.get(), 99);
        waves->open(path);
    }
#endif

    Shared& s;

protected:
    // Forgets what the pins showed: the design was reset.
    void forget() {
        estop = false;
        estop_at = kNever;
        stop_in.reset();
        beats = 0;
        lines = Lines();
        read_level = false;
    }

    void evaluate() {
        top.eval();
#ifdef CROSSTWIN_TRACE
        if (waves) waves->dump(10 * s.clock + (top.clk ? 5 : 0));
#endif
    }

    template <bool kLive>
    void settle() {
        top.clk = 0;
        if (kLive) top.PORT_ESTOP = estop || s.clock == estop_at;
        const bool valid = beats != 0 && s.clock >= beat_at;
        top.PORT_ADC_VALID = valid;
        if (valid) store(top.PORT_ADC_DATA, tape.beats[next_beat].data);
        evaluate();
        if (kLive) watch();
        if (valid && top.PORT_ADC_READY) {
            beats--;
            next_beat++;
            plan_beat();
        }
        if (top.PORT_ADC_SAMPLE) sample<kLive>();
    }

    void edge() {
        top.clk = 1;
        evaluate();
        s.clock++;
    }

    void watch() {
        Lines now;
        now.take(top);
        const bool level = top.PORT_READ_LEVEL;
        if (!(now == lines)) {
            change(now, level);
        } else if (top.PORT_SLOT) {
            log_slot(now);
        }
        if (level != read_level) {
            read_level = level;
            if (level) {
                std::memset(charge, 0, sizeof(charge));
            } else {
                beats = 0;
            }
        }
        if (s.recording) record();
    }

    void change(const Lines& now, bool level) {
        if (now.shorted()) throw Halt::kShort;
        if (level && read_level) {
            integrate(lines.row_pos(), lines.row_neg(), now.row_pos(), now.row_neg(), kRowWords, s.clock, charge);
            integrate(lines.column_pos(), lines.column_neg(), now.column_pos(), now.column_neg(), kColumnWords, s.clock,
                      charge + 64 * kRowWords);
        } else if (!now.idle()) {
            if (!lines.idle()) throw Halt::kNoBreak;
            if (!top.PORT_SLOT || level) throw Halt::kNoSlot;
            log_slot(now);
        }
        lines = now;
    }

    void log_slot(const Lines& now) {
        const bool up = top.PORT_QUADRANT < 2;
        if (!Lines::none(up ? now.row_neg() : now.row_pos(), kRowWords) ||
            !Lines::none(up ? now.column_pos() : now.column_neg(), kColumnWords))
            throw Halt::kQuadrant;
        const int tile = top.PORT_TILE;
        if (s.slots == s.slots_capacity || (s.slots && tile != s.slots_tile)) call(kSlotsFull);
        s.slots_tile = tile;
        const uint32_t slot = s.slots++;
        s.slot_up[slot] = up;
        std::memcpy(s.slot_rows + slot * kRowWords, up ? now.row_pos() : now.row_neg(), 8 * kRowWords);
        std::memcpy(s.slot_columns + slot * kColumnWords, up ? now.column_neg() : now.column_pos(), 8 * kColumnWords);
    }

    void record() {
        const uint64_t pins = control(top);
        if (pins == recorded_control && lines == recorded_lines) return;
        if (s.record_count == s.records_capacity) call(kRecordsFull);
        uint64_t* entry = s.records + static_cast<uint64_t>(kRecordWords) * s.record_count++;
        entry[0] = s.clock;
        entry[1] = recorded_control = pins;
        std::memcpy(entry + 2, lines.words, sizeof(lines.words));
        recorded_lines = lines;
    }

    template <bool kLive>
    void sample() {
        if constexpr (kLive) {
            if (!lines.idle() || top.PORT_SENSE_ROWS == top.PORT_SENSE_COLUMNS) throw Halt::kSample;
            s.tile = top.PORT_TILE;
            s.differential = top.PORT_DIFFERENTIAL;
            s.forward = top.PORT_SENSE_COLUMNS;
            s.gain = top.PORT_GAIN;
            const int64_t* side = s.forward ? charge : charge + 64 * kRowWords;
            for (int k = 0; k < (s.forward ? kRows : kColumns); k++) s.charge[k] = static_cast<int32_t>(side[k]);
            const int count = call(kSampled);
            if (!taping) tape.beats.clear();
            next_beat = tape.beats.size();
            beats = count;
            pack(count);
            if (taping) tape.reads.push_back({next_beat, count});
        } else {
            next_beat = tape.reads[next_read].first;
            beats = tape.reads[next_read++].count;
        }
        plan_beat();
    }

    void pack(int count) {
        constexpr uint64_t mask = (uint64_t{1} << kAdcBits) - 1;
        for (int beat = 0; beat < count; beat++) {
            Tape::Beat packed = {s.delays[beat], {}};
            for (int lane = 0; lane < kLanes; lane++) {
                const uint64_t code = static_cast<uint64_t>(s.codes[beat * kLanes + lane]) & mask;
                const int bit = lane * kAdcBits, word = bit / 64;
                packed.data[word] |= code << bit % 64;
                if (bit % 64 + kAdcBits > 64) packed.data[word + 1] |= code >> (64 - bit % 64);
            }
            tape.beats.push_back(packed);
        }
    }

    // Sets the clock cycle of the next beat, counted from this one.
    void plan_beat() {
        if (beats != 0) beat_at = s.clock + tape.beats[next_beat].delay;
    }

    int call(Event event) {
        const int result = callback(event);
        if (result < 0) throw Halt::kCallback;
        return result;
    }

    Callback callback;
    VerilatedContext context;
    Vcontroller top;
#ifdef CROSSTWIN_TRACE
    std::unique_ptr<VerilatedVcdC> waves;
#endif
    bool estop = false;
    uint64_t estop_at = kNever;
    std::optional<int64_t> stop_in;
    Lines lines, recorded_lines;
    uint64_t recorded_control = 0;
    bool read_level = false;
    int64_t charge[64 * (kRowWords + kColumnWords)] = {};
    int beats = 0;
    size_t next_beat = 0, next_read = 0;
    uint64_t beat_at = kNever;
    Tape tape;
    bool taping = false;
};

}  // namespace crosstwin
