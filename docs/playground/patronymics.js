/** Patronymics, as in `src/namegen/sampling/cultures.py`. Each is formed from the father's given name and a gender. */

/** Return the Russian patronymic: `Иванович` or `Ивановна` for `Иван`. */
export function russianPatronymic(father, gender) {
  const last = father.slice(-1);
  let stem = father.slice(0, -1);
  let endings = ["евич", "евна"];
  if (Object.hasOwn(RUSSIAN_STEMS, father)) {
    stem = RUSSIAN_STEMS[father];
    endings = ["ич", "на"];
  } else if (["Илья", "Фома", "Лука", "Кузьма"].includes(father)) {
    endings = ["ич", "инична"];
  } else if (last === "" || ("ая".includes(last) && !father.endsWith("ия"))) {
    endings = ["ич", "ична"];
  } else if (father.endsWith("ий")) {
    const before = stem.slice(0, -1);
    const isCluster = !isVowel(before.slice(-2, -1)) && !before.endsWith("нт");
    const keepsI = /[кгхц]$/.test(before) || before === "" || isCluster;
    stem = keepsI ? stem : `${before}ь`;
  } else if (last === "о") {
    endings = ["ович", "овна"];
  } else if (!"йья".includes(last)) {
    stem = father;
    endings = "жчшщцеёиуыэю".includes(last) ? endings : ["ович", "овна"];
  }
  return stem + endings[gender === "female" ? 1 : 0];
}

const RUSSIAN_STEMS = {
  Лев: "Львов",
  Павел: "Павлов",
  Пётр: "Петров",
  Петр: "Петров",
  Яков: "Яковлев",
  Иаков: "Иаковлев",
  Михаил: "Михайлов",
  Гавриил: "Гаврилов",
  Даниил: "Данилов",
  Измаил: "Измайлов",
  Эмиль: "Эмильев",
  Рауль: "Раулев",
};

/** Whether a letter is a Russian vowel; as in Python, nothing is among the vowels too. */
function isVowel(letter) {
  return "аеёиоуыэюя".includes(letter.toLowerCase());
}

/** Return the Ukrainian patronymic: `Іван` gives `Іванович` and `Іванівна`, `Сергій` `Сергійович`. */
export function ukrainianPatronymic(father, gender) {
  const last = father.slice(-1);
  const stem = father.slice(0, -1);
  const forms = () => {
    if (Object.hasOwn(UKRAINIAN_EXCEPTIONS, father)) return UKRAINIAN_EXCEPTIONS[father];
    if ("йїєіия".includes(last) && (last !== "я" || "аеєиіїоу".includes(stem.slice(-1).toLowerCase()))) {
      const kept = "йя".includes(last) ? stem : father;
      return [`${kept}йович`, `${kept}ївна`];
    }
    if ("ья".includes(last)) return [`${stem}ьович`, `${stem}івна`];
    if ("оае".includes(last)) return [`${stem}ович`, `${stem}івна`];
    return [`${father}ович`, `${father}івна`];
  };
  return forms()[gender === "female" ? 1 : 0];
}

const UKRAINIAN_EXCEPTIONS = {
  Лев: ["Львович", "Львівна"],
  Яків: ["Якович", "Яківна"],
  Федір: ["Федорович", "Федорівна"],
  Сидір: ["Сидорович", "Сидорівна"],
  Антін: ["Антонович", "Антонівна"],
  Прокіп: ["Прокопович", "Прокопівна"],
  Григорій: ["Григорович", "Григорівна"],
  Микола: ["Миколайович", "Миколаївна"],
  Ілля: ["Ілліч", "Іллівна"],
  Лука: ["Лукич", "Луківна"],
  Кузьма: ["Кузьмич", "Кузьмівна"],
  Хома: ["Хомич", "Хомівна"],
  Сава: ["Савич", "Савівна"],
};

const BULGARIAN_EXCEPTIONS = { Васил: "Василев", Добри: "Добрев", Михаил: "Михайлов", Павел: "Павлов" };

/** Return the Bulgarian patronymic: `Иван` gives `Иванов` and `Иванова`, `Георги` `Георгиев`. */
export function bulgarianPatronymic(father, gender) {
  const male = bulgarianMale(father);
  return gender === "female" ? `${male}а` : male;
}

function bulgarianMale(father) {
  const last = father.slice(-1);
  const stem = father.slice(0, -1);
  const isSoft = (letter) => "жчшщц".includes(letter);
  if (Object.hasOwn(BULGARIAN_EXCEPTIONS, father)) return BULGARIAN_EXCEPTIONS[father];
  if (/(ър|ъл)$/.test(father)) return `${father.slice(0, -2)}${last}ов`; // Петър, Димитър
  if (/(ьо|йо|ия|й|ю)$/.test(father)) return `${stem.replace(/ь$/, "").replace(/й$/, "")}ев`;
  if ("аяо".includes(last)) return `${stem}${last === "я" || isSoft(stem.slice(-1)) ? "ев" : "ов"}`;
  if (last === "е") return `${stem}ев`;
  return `${father}${"ижчшщц".includes(last) ? "ев" : "ов"}`;
}
