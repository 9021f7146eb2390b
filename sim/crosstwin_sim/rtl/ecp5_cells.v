// Simulation model of the ECP5's multiplier as the netlists have it: no register, or that of the output; no cascade. Yosys has none of its own.
module MULT18X18D #(
    parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0", CLK0_DIV = "ENABLED"
) (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
    output P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  wire signed [18:0] a = {SIGNEDA & A17, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
  wire signed [18:0] b = {SIGNEDB & B17, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
  wire signed [35:0] product = a * b;
  reg signed [35:0] register = 0;
  always @(posedge CLK0)
    if (CE0) register <= RST0 ? 36'd0 : product;
  wire signed [35:0] p = REG_OUTPUT_CLK == "NONE" ? product : register;
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18} = p[35:18];
  assign {P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = p[17:0];
endmodule

// Simulation model of the ECP5's block RAM as Yosys maps memories to it: 1024 words of two halves of nine bits, both ports on the
// whole of it, no output register, no chip select. A narrow port takes part of a half; a word of 18 bits has an enable for each half
// in its two lowest address bits.
module DP16KD #(
    parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0, INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0,
    parameter [319:0] INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0,
    parameter [319:0] INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0, INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0,
    parameter [319:0] INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0,
    parameter [319:0] INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0,
    parameter [319:0] INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0,
    parameter [319:0] INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0, INITVAL_37 = 0,
    parameter [319:0] INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0, INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0,
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, REGMODE_A = "NOREG", REGMODE_B = "NOREG",
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL", CSDECODE_A = "0b000", CSDECODE_B = "0b000",
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "ENABLED"
) (
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0,
    input CLKA, CEA, OCEA, WEA, RSTA, CSA2, CSA1, CSA0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
    input CLKB, CEB, OCEB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
);
  wire [13:0] ada = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0}, adb = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [17:0] dia = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0}, dib = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
  reg [17:0] doa = 0, dob = 0;
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = doa;
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} = dob;

  // Where the bits of a narrow port lie in a half, by the lower bits of its address.
  function [2:0] place(input integer width, input [13:0] address);
    place = width == 4 ? {address[2], 2'd0} : width == 2 ? {address[2:1], 1'd0} : width == 1 ? address[2:0] : 3'd0;
  endfunction
  function [8:0] mask(input integer width);
    mask = width == 4 ? 9'h00f : width == 2 ? 9'h003 : width == 1 ? 9'h001 : 9'h1ff;
  endfunction
  // What a port gives of a word.
  function [17:0] shown(input integer width, input [13:0] address, input [17:0] word);
    reg [8:0] half;
    begin
      half = address[3] ? word[17:9] : word[8:0];
      shown = width == 18 ? word : {9'd0, half >> place(width, address) & mask(width)};
    end
  endfunction

  reg [8:0] low[0:1023], high[0:1023];
  localparam [20479:0] INIT = {
    INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
    INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
    INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
    INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
    INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
    INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
    INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
    INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
  };
  integer k;
  if (INIT != 0)  // which spares Yosys 2048 statements a memory that begins empty
    initial
      for (k = 0; k < 1024; k = k + 1) begin
        low[k] = INIT[20*k +: 9];
        high[k] = INIT[20*k+9 +: 9];
      end

  wire [9:0] word_a = ada[13:4];
  wire [17:0] data_a = DATA_WIDTH_A == 18 ? dia : {2{dia[8:0] << place(DATA_WIDTH_A, ada)}};
  wire [17:0] mask_a = DATA_WIDTH_A == 18 ? {{9{ada[1]}}, {9{ada[0]}}}
      : {{9{ada[3]}}, {9{~ada[3]}}} & {2{mask(DATA_WIDTH_A) << place(DATA_WIDTH_A, ada)}};
  always @(posedge CLKA)
    if (CEA) begin
      if (RSTA) doa <= 0;
      else if (!WEA || WRITEMODE_A == "READBEFOREWRITE") doa <= shown(DATA_WIDTH_A, ada, {high[word_a], low[word_a]});
      if (WEA) begin
        low[word_a] <= low[word_a] & ~mask_a[8:0] | data_a[8:0] & mask_a[8:0];
        high[word_a] <= high[word_a] & ~mask_a[17:9] | data_a[17:9] & mask_a[17:9];
      end
    end

  wire [9:0] word_b = adb[13:4];
  wire [17:0] data_b = DATA_WIDTH_B == 18 ? dib : {2{dib[8:0] << place(DATA_WIDTH_B, adb)}};
  wire [17:0] mask_b = DATA_WIDTH_B == 18 ? {{9{adb[1]}}, {9{adb[0]}}}
      : {{9{adb[3]}}, {9{~adb[3]}}} & {2{mask(DATA_WIDTH_B) << place(DATA_WIDTH_B, adb)}};
  always @(posedge CLKB)
    if (CEB) begin
      if (RSTB) dob <= 0;
      else if (!WEB || WRITEMODE_B == "READBEFOREWRITE") dob <= shown(DATA_WIDTH_B, adb, {high[word_b], low[word_b]});
      if (WEB) begin
        low[word_b] <= low[word_b] & ~mask_b[8:0] | data_b[8:0] & mask_b[8:0];
        high[word_b] <= high[word_b] & ~mask_b[17:9] | data_b[17:9] & mask_b[17:9];
      end
    end
endmodule
