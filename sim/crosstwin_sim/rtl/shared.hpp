// What the simulator and Python tell each other.
//
// ports.hpp is generated with the build: the size of the controller and the C++ names of its ports.
#pragma once

#include <cstdint>

#include "ports.hpp"

namespace crosstwin {

// What ends a call to the simulator early. The values are those of crosstwin_sim.rtl.library.HALTS.
enum Halt : int {
    kBusy = 1,       // wait reached its limit of clock cycles
    kShort = -1,     // a line was driven + and - at once
    kNoBreak = -2,   // half-selected lines changed without being idle between
    kNoSlot = -3,    // lines were half-selected without the trigger `slot`
    kQuadrant = -4,  // lines were driven otherwise than the pin `quadrant` says
    kSample = -5,    // adc_sample while a line was driven, or with not exactly one side sensed
    kCallback = -6,  // Python raised
    kHang = -7,      // the bus did not answer
    kReplay = -8,    // a replay read other data than the run that it repeats
};

enum Event : int { kSlotsFull = 0, kRecordsFull = 1, kSampled = 2 };

// Mirrored by crosstwin_sim.rtl.library.Shared; the arrays belong to Python.
struct Shared {
    uint64_t clock;    // clock cycles simulated
    uint64_t command;  // cycle 0 of the last command
    uint32_t data;     // of the last read
    uint32_t count;    // words of the last block that were done
    // The slots logged, all of one tile.
    uint32_t slots;
    uint32_t slots_capacity;
    int32_t slots_tile;
    // The read that was sampled.
    int32_t tile, differential, forward, gain;
    int32_t recording;
    uint32_t record_count;
    uint32_t records_capacity;
    uint8_t* slot_up;
    uint64_t* slot_rows;
    uint64_t* slot_columns;
    uint64_t* records;
    int32_t* charge;
    int32_t* codes;
    int32_t* delays;
    uint32_t* block;
};

using Callback = int (*)(int event);

}  // namespace crosstwin
