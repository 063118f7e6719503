use super::books::TOTAL_MAX;
use super::*;

fn peer(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// A connection's account, and its one part.
fn holds(memory: &Memory, last: u8, held: usize) -> (Arc<Account>, Share) {
    let account = memory.open(peer(last));
    let mut share = account.share();
    share.update(held);
    (account, share)
}

/// Those of `accounts` that were told to give way, by their index.
fn told(accounts: &[(Arc<Account>, Share)]) -> Vec<usize> {
    (0..accounts.len()).filter(|index| accounts[*index].1.gives_way()).collect()
}

#[test]
fn what_all_hold_is_counted_but_for_a_step_each_and_given_back() {
    let memory = Memory::default();
    let account = memory.open(peer(1));
    let mut shares: Vec<_> = (0..3).map(|_| account.share()).collect();
    for held in [100_000, 70_000, STEP - 1, 0, 100_000] {
        shares.iter_mut().for_each(|share| share.update(held));
        assert!(memory.held().abs_diff(3 * held) <= 3 * STEP);
    }
    shares.remove(0);
    assert_eq!(memory.held(), 200_000);
    drop((shares, account));
    let books = memory.lock();
    assert_eq!((books.held(), format!("{books:?}").contains("192.0.2")), (0, false), "nothing is left: {books:?}");
}

#[test]
fn the_address_that_holds_most_gives_way_not_the_longest_queue() {
    const MIB: usize = 1 << 20;
    let memory = Memory::default();
    let mut accounts = vec![holds(&memory, 1, 8 * MIB)];
    // 100 medium ones of one address, none as long as the one of the other.
    accounts.extend((0..100).map(|index| holds(&memory, 2, 2 * MIB + index * STEP)));
    assert_eq!((told(&accounts), memory.times_short()), (vec![], 0));
    accounts.push(holds(&memory, 3, 7 * MIB));
    accounts.push(holds(&memory, 3, 7 * MIB));
    assert_eq!(
        (told(&accounts), memory.times_short()),
        (vec![99, 100], 2),
        "the longest of the address that holds most"
    );
    // They let go of it, and the memory is there again.
    for index in [99, 100] {
        let (account, share) = &mut accounts[index];
        share.update(0);
        assert!(account.gave_way());
    }
    assert_eq!(told(&accounts), [0; 0]);
    assert!(memory.held() <= TOTAL_MAX);
}

#[test]
fn one_address_may_hold_everything_while_nobody_else_needs_it() {
    let memory = Memory::default();
    let mut accounts: Vec<_> = (0..32).map(|_| holds(&memory, 1, TOTAL_MAX / 32)).collect();
    assert_eq!(told(&accounts), [0; 0]);
    accounts.push(holds(&memory, 2, STEP));
    assert_eq!(told(&accounts).len(), 1);
    assert!(!accounts[32].1.gives_way());
}

#[test]
fn who_cannot_let_go_of_half_has_to_go() {
    let memory = Memory::default();
    let (account, mut share) = holds(&memory, 1, TOTAL_MAX + STEP);
    assert!(share.gives_way());
    share.update(TOTAL_MAX / 2 + STEP);
    assert!(!account.gave_way());
    share.update(2 * TOTAL_MAX);
    assert!(share.gives_way(), "told again");
    share.update(TOTAL_MAX);
    assert!(account.gave_way());
}

#[tokio::test]
async fn a_connection_is_woken_to_give_way() {
    let memory = Memory::default();
    let (account, _share) = holds(&memory, 1, TOTAL_MAX);
    let _other = holds(&memory, 2, STEP);
    account.told().await;
}

#[test]
fn any_order_of_changes_keeps_the_sums() {
    let (memory, mut state) = (Memory::default(), 1_u64);
    let mut accounts: Vec<(Arc<Account>, Share)> = Vec::new();
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let index = (state >> 33) as usize % (accounts.len() + 1);
        let held = (state >> 20) as usize % (8 << 20);
        match accounts.get_mut(index) {
            None => accounts.push(holds(&memory, (state >> 40) as u8 % 5, held)),
            Some(_) if (state >> 50) % 9 == 0 => drop(accounts.swap_remove(index)),
            Some((account, share)) if share.gives_way() => {
                share.update(0);
                assert!(account.gave_way());
            }
            Some((_, share)) => share.update(held),
        }
        let counted = |gives_way| -> usize {
            accounts.iter().filter(|(_, share)| share.gives_way() == gives_way).map(|(_, share)| share.counted).sum()
        };
        assert_eq!(memory.held(), counted(true) + counted(false));
        assert!(counted(false) <= TOTAL_MAX, "the rest is within the total");
    }
}
