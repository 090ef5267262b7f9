fn main() {
    by_hand::run();
}
