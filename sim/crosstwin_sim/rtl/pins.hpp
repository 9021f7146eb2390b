// The controller's pins to the array, watched clock cycle by clock cycle.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "Vcontroller.h"
#include "shared.hpp"

namespace crosstwin {

constexpr int kRowWords = (kRows + 63) / 64;
constexpr int kColumnWords = (kColumns + 63) / 64;
constexpr int kLineWords = 2 * (kRowWords + kColumnWords);
constexpr int kRecordWords = 2 + kLineWords;
constexpr int kLines = kRows > kColumns ? kRows : kColumns;

// Ports are integers of 8 to 64 bits, or arrays of 32-bit words, by their width.
template <typename Port>
inline void load(const Port& port, uint64_t* words) {
    if constexpr (std::is_integral_v<Port>) {
        words[0] = port;
    } else {
        std::memcpy(words, &port[0], sizeof(port));  // an odd last word leaves its upper half, which stays 0
    }
}

template <typename Port>
inline void store(Port& port, const uint64_t* words) {
    if constexpr (std::is_integral_v<Port>) {
        port = static_cast<Port>(words[0]);
    } else {
        std::memcpy(&port[0], words, sizeof(port));
    }
}

// One level of all line pins: row_pos, row_neg, column_pos, column_neg.
struct Lines {
    uint64_t words[kLineWords] = {};

    const uint64_t* row_pos() const { return words; }
    const uint64_t* row_neg() const { return words + kRowWords; }
    const uint64_t* column_pos() const { return words + 2 * kRowWords; }
    const uint64_t* column_neg() const { return words + 2 * kRowWords + kColumnWords; }

    void take(const Vcontroller& top) {
        load(top.PORT_ROW_POS, words);
        load(top.PORT_ROW_NEG, words + kRowWords);
        load(top.PORT_COLUMN_POS, words + 2 * kRowWords);
        load(top.PORT_COLUMN_NEG, words + 2 * kRowWords + kColumnWords);
    }
    bool operator==(const Lines& other) const { return std::memcmp(words, other.words, sizeof(words)) == 0; }
    bool idle() const { return none(words, kLineWords); }
    bool shorted() const { return meet(row_pos(), row_neg(), kRowWords) || meet(column_pos(), column_neg(), kColumnWords); }

    static bool none(const uint64_t* words, int count) {
        uint64_t any = 0;
        for (int k = 0; k < count; k++) any |= words[k];
        return any == 0;
    }
    static bool meet(const uint64_t* first, const uint64_t* second, int count) {
        uint64_t both = 0;
        for (int k = 0; k < count; k++) both |= first[k] & second[k];
        return both != 0;
    }
};

// All other pins in one word: read_level, sense_rows, sense_columns, differential, adc_sample, slot, quadrant (2), tile (4), gain (4),
// adc_ready, busy, fault, irq.
inline uint64_t control(const Vcontroller& top) {
    return static_cast<uint64_t>(top.PORT_READ_LEVEL) | static_cast<uint64_t>(top.PORT_SENSE_ROWS) << 1 |
           static_cast<uint64_t>(top.PORT_SENSE_COLUMNS) << 2 | static_cast<uint64_t>(top.PORT_DIFFERENTIAL) << 3 |
           static_cast<uint64_t>(top.PORT_ADC_SAMPLE) << 4 | static_cast<uint64_t>(top.PORT_SLOT) << 5 |
           static_cast<uint64_t>(top.PORT_QUADRANT) << 6 | static_cast<uint64_t>(top.PORT_TILE) << 8 |
           static_cast<uint64_t>(top.PORT_GAIN) << 12 | static_cast<uint64_t>(top.PORT_ADC_READY) << 16 |
           static_cast<uint64_t>(top.PORT_BUSY) << 17 | static_cast<uint64_t>(top.PORT_FAULT) << 18 |
           static_cast<uint64_t>(top.PORT_IRQ) << 19;
}

// Adds to the charge of one side's lines, in clock cycles: a line that goes on at clock a and off at b gets b - a.
inline void integrate(const uint64_t* pos, const uint64_t* neg, const uint64_t* new_pos, const uint64_t* new_neg, int words,
                      uint64_t now, int64_t* charge) {
    for (int k = 0; k < words; k++) {
        uint64_t changed = (pos[k] ^ new_pos[k]) | (neg[k] ^ new_neg[k]);
        while (changed) {
            const int bit = __builtin_ctzll(changed);
            changed &= changed - 1;
            const auto level = [bit](uint64_t word) { return static_cast<int64_t>(word >> bit & 1); };
            charge[64 * k + bit] +=
                static_cast<int64_t>(now) * (level(pos[k]) - level(neg[k]) - level(new_pos[k]) + level(new_neg[k]));
        }
    }
}

}  // namespace crosstwin
